"""What goes wrong between a computer and a board, and what a person can do about it."""

from __future__ import annotations

from pathlib import Path

from firmware_gen.hardware import HardwareBoard

_USB_DEVICES = Path("/sys/bus/usb/devices")


class FlashError(RuntimeError):
    """An image did not get into a board; the message says what to do."""


def not_found(board: HardwareBoard, what: str, *, usb_devices: Path = _USB_DEVICES) -> FlashError:
    """The error for a board that does not show up: not connected, or not permitted.

    Parameters
    ----------
    board : HardwareBoard
    what : str
        What was looked for, "debug probe" say.
    usb_devices : Path
        Where Linux lists USB devices.
    """
    if board.probe_usb_vendor in usb_vendors(usb_devices):
        return not_permitted(board)
    return FlashError(f"no {what} found for {board.title}: {board.hint}; a cable that only charges will not do")


def not_permitted(board: HardwareBoard) -> FlashError:
    """The error for a device that is there and may not be opened, with the udev rule that changes it."""
    vendor = f'ATTR{{idVendor}}=="{board.probe_usb_vendor:04x}", ' if board.probe_usb_vendor else ""
    rule = f'SUBSYSTEM=="usb", {vendor}MODE="0660", TAG+="uaccess"'
    return FlashError(
        f"{board.title} is connected, but you may not open it. Write this line to /etc/udev/rules.d/60-kshot.rules:\n"
        f"    {rule}\n"
        "then run `sudo udevadm control --reload` and connect the board again"
    )


def usb_vendors(usb_devices: Path = _USB_DEVICES) -> set[int]:
    """Vendor ids of the USB devices that are connected; empty where the system does not list them there."""
    return {int(path.read_text(encoding="ascii"), 16) for path in usb_devices.glob("*/idVendor")}
