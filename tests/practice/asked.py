"""What every prediction owes to those who guess."""


def explained(prediction):
    """Whether every choice, or every kind of number, has a sentence."""
    number = prediction._number
    said = [why for _, why in prediction._choices]
    if number:
        said = [number[way] for way in ("low", "high", "right")]
    return all(text.endswith((".", "?")) and len(text) > 40 for text in said)
