"""Once a second: windows, rates, rules, alerts."""
