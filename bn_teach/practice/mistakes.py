"""The known mistakes: for each its name, and a hint that does not give the answer away."""

# slug: (what was done, where to look)
MISTAKES = {
    "wrong-axis": (
        "the statistics run over the wrong axis",
        "Which numbers share one mean? Write down the shape that the mean has to have.",
    ),
    "only-n": (
        "the statistics run over the samples alone, not over height and width",
        "The same filter made every place of a channel. How many means has a layer of C channels?",
    ),
    "whole-batch": (
        "one mean and one variance for the whole batch",
        "Every channel has its own. Over which axis do you take the mean?",
    ),
    "mean-of-squares": (
        "the variance is the mean of the squares",
        "Add 100 to every number: their spread stays. Does your variance? What has to go first?",
    ),
    "standard-deviation": (
        "the second result is the standard deviation, not the variance",
        "If x is in metres, in which unit is a variance?",
    ),
    "n-minus-1": (
        "the variance is divided by n − 1",
        "torch's `var` and `std` do so by default. What does Algorithm 1 divide by?",
    ),
    "biased-buffer": (
        "the running variance collects the biased variance",
        "A batch's own variance is too small, by (n − 1)/n on average. What would undo that?",
    ),
    "mean-not-subtracted": (
        "the mean is not subtracted",
        "Around which number should the values of a channel lie before γ and β come?",
    ),
    "spread-kept": (
        "the mean is gone, but the spread is still there",
        "In which unit is your x̂, if x is in metres? It should be in none.",
    ),
    "brackets-missing": (
        "only the mean is divided, not the difference",
        "Python divides before it subtracts. What belongs together?",
    ),
    "divides-by-variance": (
        "the difference is divided by the variance, not by the standard deviation",
        "If x is in metres, in which unit is its variance? And x̂ should be in none.",
    ),
    "eps-outside-root": (
        "ε stands outside the root",
        "Compare √(σ² + ε) with √σ² + ε. Which of the two is in the formula?",
    ),
    "eps-missing": (
        "ε is missing",
        "What does your function return for a channel that is constant? Look at the formula again.",
    ),
    "eps-fixed": (
        "ε is a number in your code, not the argument",
        "Call your function with a larger `eps`: its result should change.",
    ),
    "momentum-reversed": (
        "momentum multiplies the old value, not the new one",
        "Keras says it so; PyTorch the other way round. With momentum 0.1, how far should one "
        "batch move the average?",
    ),
    "momentum-fixed": (
        "momentum is a number in your code, not the argument",
        "Set momentum to 1: the batch's own statistics should come out.",
    ),
    "eval-uses-batch": (
        "in evaluation the statistics of the batch are used",
        "One image arrives alone. Whose mean was collected for this moment?",
    ),
    "buffers-move-in-eval": (
        "the running statistics move in evaluation",
        "They describe the training data. What would a test batch do to them?",
    ),
    "statistics-detached": (
        "the output is right, but the gradient takes mean and variance for constants",
        "Every sample moves the mean and the variance. Is there a `detach`, a `no_grad`, an "
        "`item` or a `.data` on their way into the output?",
    ),
    "gradient-lost": (
        "the output is right, but autograd cannot follow it back to the input",
        "Is there a way through numpy, `.tolist()`, `.item()` or `torch.tensor(...)`? Or a line "
        "that writes into a tensor which autograd still needs, as `y /= ...` does?",
    ),
    "buffers-not-registered": (
        "the running statistics are plain attributes, so the module does not know them",
        "Look at `state_dict()`: what is not in it is not saved. torch.nn.Module has a method "
        "that registers a tensor which is no parameter.",
    ),
    "buffers-not-detached": (
        "the running statistics hold the graph of every batch so far",
        "A buffer is a record, not a part of the loss. What cuts a tensor off its graph?",
    ),
    "buffers-reassigned": (
        "the numbers that move are not those that were registered",
        "A name that once held a registered buffer is filled with something else, which "
        "`state_dict()` and `.to()` do not see. Let the registered one move.",
    ),
    "gamma-beta-swapped": (
        "γ and β have changed places",
        "γ gives the spread, β the centre. Which of them multiplies?",
    ),
    "gamma-beta-shape": (
        "γ and β belong to the wrong axis",
        "They are of shape (C,): one number for each channel. Along which axis of yours do they "
        "lie?",
    ),
    "scalar-gamma": (
        "all channels share one γ",
        "How many γ does a layer of C channels learn?",
    ),
    "affine-missing": (
        "γ or β is left out",
        "Is x̂ the last line of the formula?",
    ),
    "shift-before-scale": (
        "β is stretched as well",
        "Let x̂ be 0: what should y be there, and what is it? In which order do the two steps come?",
    ),
    "one-pass-variance": (
        "right for small numbers, but not at a mean of 10 000 in float32",
        "E[x²] − E[x]² subtracts two large numbers that are nearly equal. Subtract first, then "
        "square.",
    ),
    "dtype-changed": (
        "the numbers are right, but their type has changed",
        "What came in as float64 should go out as float64. Where is `.float()` called, or a new "
        "tensor made without `dtype=x.dtype`?",
    ),
    "shape-changed": (
        "the numbers are right, but their shape is not",
        "Is there a `keepdim`, a transpose or a reshape too many, or one too few?",
    ),
    "input-changed": (
        "the result is right, but your function has changed its input",
        "Whoever called it still needs that tensor. Which of your lines writes into it?",
    ),
    "nothing-returned": (
        "your function returns nothing",
        "It computes, but what does its last line hand back?",
    ),
    "not-a-pair": (
        "the number of things returned is not right",
        "The docstring says what to return, and in which order.",
    ),
    "swapped": (
        "the results come in the wrong order",
        "The docstring says which comes first.",
    ),
}
