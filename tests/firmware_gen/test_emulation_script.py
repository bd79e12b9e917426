"""The bytes between the host and the emulation program."""

from collections.abc import Callable

import numpy as np
import pytest

from firmware_gen.emulation_script import (
    Answer,
    Classify,
    ClassifyEmbedding,
    Embed,
    EnrollAdd,
    EnrollAddEmbedding,
    EnrollBegin,
    EnrollCommit,
    Forget,
    ListClasses,
    Nearest,
    Request,
    Restart,
    ScriptError,
    TakeBackEmbedding,
    Verified,
    Verify,
    VerifyEmbedding,
    read_answers,
    write_script,
)

VALUES = np.array([1, -2, 3], np.int8)


def test_requests_are_encoded_as_documented() -> None:
    """Kind and length as uint32, then the payload, little-endian."""
    script = write_script([Embed(VALUES), Restart(), EnrollBegin("ä"), Forget(258)], input_len=3, embedding_len=2)
    assert script == (
        b"\x01\0\0\0\x03\0\0\0\x01\xfe\x03\x02\0\0\0\0\0\0\0\x03\0\0\0\x02\0\0\0\xc3\xa4\x08\0\0\0\x02\0\0\0\x02\x01"
    )


def test_questions_about_a_class_are_encoded_as_documented() -> None:
    """The class's id stands before the values."""
    script = write_script(
        [Verify(VALUES, 258), VerifyEmbedding(VALUES[:2], 1), TakeBackEmbedding(VALUES[:2])],
        input_len=3,
        embedding_len=2,
    )
    assert script == (
        b"\x0e\0\0\0\x05\0\0\0\x02\x01\x01\xfe\x03\x0f\0\0\0\x04\0\0\0\x01\0\x01\xfe\x0d\0\0\0\x02\0\0\0\x01\xfe"
    )


def test_verifications_are_decoded_as_documented() -> None:
    """Same or not, and the distance; a refused one carries neither."""
    verified = b"\x0e\0\0\0" + bytes(12) + b"\x05\0\0\0\x01\x02\x01\0\0"
    refused = b"\x0e\0\0\0\xe0\xff\xff\xff" + bytes(12)
    answers = read_answers([Verify(VALUES, 1), Verify(VALUES, 1)], verified + refused)
    assert answers == (Verified(0, 0, True, 258), Verified(-32, 0, False, 0))


def test_answers_are_decoded_as_documented() -> None:
    """A refused classification carries no class; instruction counts have 64 bits."""
    nearest = b"\x0a\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x0b\0\0\0\x07\0\x02\0\0\0\xff\xff\xff\xff\x01"
    refused = b"\x0a\0\0\0\xfb\xff\xff\xff\x28\0\0\0\0\0\0\0\0\0\0\0"
    answers = read_answers([Classify(VALUES), Classify(VALUES)], nearest + refused)
    assert answers == (Nearest(0, 1 << 32, 7, 2, 0xFFFFFFFF, 1), Nearest(-5, 40, 0, 0, 0, 0))
    assert answers[0].ok
    assert not answers[1].ok


def test_a_list_of_classes_is_decoded() -> None:
    """A label ends at its zero byte."""
    payload = b"\x01\0\x05\0" + b"wave".ljust(24, b"\0") + b"\x02\0\x01\0" + "Ä".encode().ljust(24, b"\0")
    (listed,) = read_answers([ListClasses()], b"\x09\0\0\0" + bytes(12) + len(payload).to_bytes(4, "little") + payload)
    assert [(c.class_id, c.shots, c.label) for c in listed.classes] == [(1, 5, "wave"), (2, 1, "Ä")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 answers to 1"),
        (b"\x02\0\0\0" + bytes(12), "0 answers to 1"),
        (b"\x07\0\0\0" + bytes(16), "answer 0 is not one to Restart"),
        (b"\x02\0\0\0" + bytes(12) + b"\x09\0\0\0", "answer 0 is not one to Restart"),
        (b"\x02\0\0\0" + bytes(12) + b"\x01\0\0\0\xaa", "carries 1 bytes, expected 0"),
        (b"\x02\0\0\0" + bytes(16) + b"\xaa", "1 bytes after the last answer"),
    ],
)
def test_answers_of_the_wrong_form_are_refused(data: bytes, message: str) -> None:
    """Nothing is guessed from a file that is cut short, too long or of other requests."""
    with pytest.raises(ScriptError, match=message):
        read_answers([Restart()], data)


def test_a_request_for_another_model_is_refused_before_anything_runs() -> None:
    """The message says which request and what the model takes."""
    with pytest.raises(ScriptError, match="request 1, Embed: 3 values, the model takes 4"):
        write_script([Restart(), Embed(VALUES)], input_len=4, embedding_len=2)


def test_values_must_be_int8() -> None:
    """Pixels must be quantized first: 8 bits of another type would be taken for something else."""
    with pytest.raises(ScriptError, match="uint8, not int8"):
        Embed(np.zeros(3, np.uint8))


@pytest.mark.parametrize("label", ["a\0b", "x" * 65])
def test_labels_that_cannot_be_sent_are_refused(label: str) -> None:
    """A zero byte would end the label early; the program's buffer holds 64 bytes."""
    with pytest.raises(ScriptError, match="label"):
        EnrollBegin(label)


@pytest.mark.parametrize("request_of", [Forget, lambda class_id: Verify(VALUES, class_id)])
def test_a_class_id_has_16_bits(request_of: Callable[[int], Request]) -> None:
    """A larger id would be cut."""
    with pytest.raises(ScriptError, match="65536"):
        request_of(65536)


@pytest.mark.parametrize("request_of", [Embed, lambda values: Verify(values, 1), EnrollAdd, Classify])
def test_inputs_have_the_models_length(request_of: Callable[[np.ndarray], Request]) -> None:
    """As many values as the model reads, whatever else a request carries."""
    write_script([request_of(VALUES)], input_len=3, embedding_len=5)
    with pytest.raises(ScriptError, match="3 values, the model takes 5"):
        write_script([request_of(VALUES)], input_len=5, embedding_len=3)


@pytest.mark.parametrize(
    "request_of", [EnrollAddEmbedding, TakeBackEmbedding, ClassifyEmbedding, lambda values: VerifyEmbedding(values, 1)]
)
def test_embeddings_have_the_models_length(request_of: Callable[[np.ndarray], Request]) -> None:
    """As many values as the model returns, whatever else a request carries."""
    write_script([request_of(VALUES)], input_len=5, embedding_len=3)
    with pytest.raises(ScriptError, match="3 values, the model takes 5"):
        write_script([request_of(VALUES)], input_len=3, embedding_len=5)


def test_a_commit_that_was_refused_has_no_id() -> None:
    """Its answer carries nothing but the status."""
    (answer,) = read_answers([EnrollCommit()], b"\x06\0\0\0\xfb\xff\xff\xff" + bytes(12))
    assert (answer.status, answer.class_id) == (-5, 0)
    assert isinstance(answer, Answer)
