"""PlatformIO looks for this class."""

from platformio.public import PlatformBase


class EmulatedPlatform(PlatformBase):
    """Has no packages: the compilers are those of the machine."""

    def is_embedded(self) -> bool:
        return True
