"""Names that measuring and rendering share, so that a card can be rendered where nothing can be measured."""

OURS = "contrast"  # the set that we wrote: measured apart, so that no headline rests on our own sentences
TFIDF = "TF-IDF + logistic regression"
PLAIN = "none"  # no disguise
