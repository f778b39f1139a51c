"""An ONNX graph that takes token ids and gives one number a label: the only file that knows ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from tidegate.classifiers.errors import ModelFileError, ModelMismatchError

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class Graph:
    """A session over one model file. Thread safe: runs go side by side, and release the GIL."""

    def __init__(self, path: Path, content: bytes, *, width: int, threads: int) -> None:
        """width: the numbers a row that the manifest promises. threads: of one run, 1 where runs go side by side.

        Raises ModelFileError where the content is no model, ModelMismatchError where it takes other inputs or gives
        another width.
        """
        self._path = path
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # shapes differ from run to run: a pattern would be planned in vain
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads cost no CPU
        options.log_severity_level = 3
        try:
            self.session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors share no narrower base
            reason = str(error).splitlines()[0][:200]
            raise ModelFileError(f"{path}: not an ONNX model this runtime reads ({reason}); no model loaded") from error
        self._inputs = self._read_inputs()
        outputs = self.session.get_outputs()
        names = [output.name for output in outputs]
        self._output = "logits" if "logits" in names else names[0]
        declared = outputs[names.index(self._output)].shape
        found = declared[-1] if declared else None
        if isinstance(found, int) and found != width:
            self._refuse_width(found, width)
        self._width = width

    def run(self, windows: Sequence[Ids], pad: int) -> Floats:
        """(N, L) raw outputs of N windows, padded on the right to the longest; padding is masked out."""
        longest = max(map(len, windows))
        ids = np.full((len(windows), longest), pad, np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        given: dict[str, Ids] = {name: feed[name].astype(dtype, copy=False) for name, dtype in self._inputs.items()}
        (out,) = self.session.run([self._output], given)
        return np.asarray(out, np.float32)

    def check(self, window: Ids, pad: int) -> None:
        """Runs one window and a padded pair, which also warms the session. Raises ModelMismatchError."""
        for windows in ([window], [window, np.concatenate([window, window])]):
            try:
                out = self.run(windows, pad)
            except Exception as error:  # the runtime's errors share no narrower base
                reason = str(error).splitlines()[0][:200]
                raise ModelMismatchError(
                    f"{self._path}: does not run on {len(windows)} windows ({reason}); expected inputs of any batch "
                    "size and length; no model loaded"
                ) from error
            if out.ndim != 2 or out.shape[0] != len(windows) or out.shape[1] != self._width:
                self._refuse_width(out.shape[-1] if out.ndim == 2 else out.shape, self._width)

    def _read_inputs(self) -> dict[str, type]:
        inputs = {entry.name: entry.type for entry in self.session.get_inputs()}
        strange = [f"{n} {t}" for n, t in inputs.items() if n not in KNOWN_INPUTS or t not in INTEGERS]
        if strange or "input_ids" not in inputs or "attention_mask" not in inputs:
            found = ", ".join(f"{n} {t}" for n, t in inputs.items()) or "none"
            raise ModelMismatchError(
                f"{self._path}: inputs: found {found}; expected input_ids, attention_mask and perhaps token_type_ids, "
                "integers; no model loaded"
            )
        return {name: INTEGERS[kind] for name, kind in inputs.items()}

    def _refuse_width(self, found: object, width: int) -> None:
        raise ModelMismatchError(
            f"{self._path}: output {self._output} gives {found} numbers a text, expected {width}, one for each of the "
            "manifest's labels; no model loaded"
        )
