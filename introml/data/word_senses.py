"""Four English words of two senses each, in six sentences a sense, written for this book."""

from typing import NamedTuple

_SENTENCES = {
    "bank": (
        (
            "The bank raised its interest rate in May.",
            "He opened an account at the bank in town.",
            "My bank charges a fee for each card.",
            "The bank lent them money for a house.",
            "She works as a teller in the bank downtown.",
            "They robbed a bank and fled by car.",
        ),
        (
            "The boat was tied to the muddy bank of the river.",
            "We sat on the grassy bank and watched the ducks.",
            "Reeds grow along the bank of the stream.",
            "The otter climbed onto the bank to dry.",
            "The flood washed away part of the bank.",
            "Fishermen stood on the left bank at dawn.",
        ),
    ),
    "mouse": (
        (
            "A mouse ate the cheese in the kitchen.",
            "The cat chased the mouse under the bed.",
            "The owl caught a mouse in the field.",
            "A tiny mouse lives behind the wall.",
            "The mouse squeaked and ran into its hole.",
            "Our trap caught a grey mouse last night.",
        ),
        (
            "Click the left button of the mouse twice.",
            "Plug the mouse into the computer.",
            "My wireless mouse needs a new battery.",
            "Move the mouse to scroll the page.",
            "She bought a keyboard and a mouse for work.",
            "The mouse pointer froze on the screen.",
        ),
    ),
    "bat": (
        (
            "The bat hung from the roof of the cave.",
            "A bat flew out of the barn at dusk.",
            "The bat hunts moths by echo.",
            "A bat sleeps upside down all day.",
            "The wings of a bat are thin skin.",
            "We saw a small bat above the pond at night.",
        ),
        (
            "He hit the ball with his bat.",
            "She swung the bat and missed.",
            "The player broke his wooden bat in the match.",
            "A good bat is made of ash or willow.",
            "The umpire checked the weight of the bat.",
            "He dropped the bat and ran to first base.",
        ),
    ),
    "spring": (
        (
            "The tulips bloom in spring.",
            "Last spring was cold and wet.",
            "In spring the birds return from the south.",
            "The snow melts in early spring.",
            "We plant tomatoes every spring.",
            "Spring is followed by summer.",
        ),
        (
            "The spring in the mattress is broken.",
            "A steel spring pushes the valve shut.",
            "Compress the spring and let it go.",
            "The clock is driven by a coiled spring.",
            "The spring of the lock has rusted.",
            "Each wheel hangs on a stiff spring.",
        ),
    ),
}


class Use(NamedTuple):
    """A word in a sentence; `sense` is 0 or 1, and means something for one word alone."""

    word: str
    sense: int
    sentence: str


def load() -> list[Use]:
    """48 uses of *bank*, *mouse*, *bat* and *spring*; each sentence has its word once.

    Taught in {ref}`sec-multi-head-attention`.
    """
    return [
        Use(word, sense, sentence)
        for word, senses in _SENTENCES.items()
        for sense, sentences in enumerate(senses)
        for sentence in sentences
    ]
