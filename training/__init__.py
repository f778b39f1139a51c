"""Training: labelled text in, a model that `classifiers` can load out.

`python -m training --data DIR --out DIR` reruns a recipe. Imports `classifiers/`, never the other way round;
needs the `train` extra. Labelled text stays where it is: only weights, a vocabulary and figures are written.
"""
