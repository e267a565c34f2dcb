"""The error that all bad input raises."""


class InputError(ValueError):
    """Input that cannot be used: where it is, what was found, what was expected, and what to do."""

    def __init__(self, where: object, found: str, expected: str, advice: str) -> None:
        self.where = where
        super().__init__(f"{where}: found {found}; expected {expected}. {advice}")
