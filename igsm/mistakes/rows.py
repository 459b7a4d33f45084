"""A mistake as a row of integers, before and after it is written."""

from igsm.problems.record import MAX_PARAMETERS

# Columns of a mistake, as `draw.draw_mistakes` lists them in order of their steps: the step before which it stands, the
# parameter it is about, its kind (position in `kinds.KINDS`), and the last three as in `solution.Slip`.
MISTAKE_STEP, MISTAKE_PARAMETER, MISTAKE_KIND, MISTAKE_PLACE, MISTAKE_INSTEAD, MISTAKE_SLIP = range(6)
MISTAKE_COLUMNS = 6
# Columns of a span: fragments [START, END) are taken back, [NAME_START, NAME_END) in it are the wrong words: the
# parameter's name, or the one wrong number, symbol or sign.
SPAN_KIND, SPAN_STEP, SPAN_PARAMETER, SPAN_START, SPAN_END, SPAN_NAME_START, SPAN_NAME_END = range(7)
SPAN_COLUMNS = 7
MAX_MISTAKES = MAX_PARAMETERS * MAX_PARAMETERS
"""Most mistakes of a document."""

# What stands in MISTAKE_SLIP where the step itself gets nothing wrong.
NAME_ONLY = -1
"""The sentence stops after the parameter's name."""
MADE_UP_INPUTS = -2
"""The step of a parameter that the solution defines later. What it uses and is not defined has the letter that the
solution will give it, and a number that is `instead` more than the right one."""
