"""A make-believe company for first runs, demos and tests: real HTTP, plausible answers, faults on demand.

`answering.answer` makes a plan from a conversation and knows no wire format; each spoken dialect parses requests into
conversations and renders plans; `playing` sends what they rendered. docs/simulator.md is for those who use it.
"""
