"""Figures that a reader can move: on a page without a kernel, and in a notebook with one."""

#: Every interactive of the book, and the function that builds it with its default arguments.
INTERACTIVES: dict[str, str] = {
    "guess-next-character": "lmlib.interactives.guessing:guess_next_character",
    "surprise": "lmlib.interactives.surprise:surprise",
    "vocabulary-cutoff": "lmlib.interactives.vocabulary:vocabulary_cutoff",
    "longer-context": "lmlib.interactives.counts:longer_context",
    "probability-mass": "lmlib.interactives.smoothing:probability_mass",
    "drag-logits": "lmlib.interactives.logits:drag_logits",
    "exposure": "lmlib.interactives.exposure:exposure_slider",
    "unroll-stepper": "lmlib.interactives.unrolling:unroll_stepper",
    "backward-stepper": "lmlib.interactives.backward:backward_stepper",
    "next-token-bars": "lmlib.interactives.sampling:next_token_bars",
    "spectral-radius": "lmlib.interactives.radius:spectral_radius_slider",
    "gru-gates": "lmlib.interactives.gru_gates:gru_gate_sliders",
    "gates-and-tape": "lmlib.interactives.tape:three_gates_and_a_tape",
    "gradient-by-bias": "lmlib.interactives.carrying:gradient_by_bias",
    "who-sees-the-target": "lmlib.interactives.arrows:arrows_figure",
    "hidden-units": "lmlib.interactives.units:unit_viewer",
    "ladder-budget": "lmlib.interactives.budget:ladder_budget",
}
