"""Rows written for these tests."""

from __future__ import annotations

GSM8K = [
    {
        "question": "Mara bakes 24 rolls in the morning and half as many at noon. She sells each for 3 coins. "
        "How many coins does she get?",
        "answer": "At noon she bakes 24/2 = <<24/2=12>>12 rolls.\n"
        "In all that is 24+12 = <<24+12=36>>36 rolls.\n"
        "She gets 36*3 = <<36*3=108>>108 coins.\n#### 108",
    },
    {
        "question": "A tank holds 1,200 litres. 300 leak out on Monday and twice as many on Tuesday. What is left?",
        "answer": "On Tuesday 2*300 = <<2*300=600>>600 litres leak.\r\n"
        "In both days 300+600 = <<300+600=900>>900 litres leak.\r\n"
        "1,200-900 = <<1200-900=300>>300 litres are left.\r\n#### 300\r\n",
    },
    {
        "question": "Ole réads 7 pages a day 🐟 for 3 days, then 2.5 pages on each of 4 days. How many pages?",
        "answer": "First he reads 7*3 = <<7*3=21>>21 pages.\n\nThen 2.5*4 = <<2.5*4=10>>10 pages.\n"
        "So 21+10 = <<21+10=31>>31 pages.\n#### 31",
    },
    {
        "question": "Six boats carry 4 people each, 5 stay ashore. How many people?",
        "answer": "The boats carry 6*4 = 24 people.\nWith those ashore it is 24 + 5 = 29 people.\n#### 29",
    },
]
"""Written by us in the form of GSM8K."""

LATEX = (
    "Let $x$ be the side.\n\nThen\n\\begin{align*}\nx^2 &= 49\\\\\n\nx &= 7.\n\\end{align*}\n\n"
    "The perimeter is $4x = 28$.\n\nSo the answer is \\boxed{28}."
)
