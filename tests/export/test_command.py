"""`hashnets export`: what it prints, and one clear line with exit code 2 where it cannot do what it is asked."""

import re
import sys

import pytest

import hashnets_np as hn
from hashnets_np.__main__ import main


@pytest.fixture
def model(tmp_path):
    net = hn.build("hashnet", [64, 50, 10], compression="1/8", seed=0)
    hn.fit(net, hn.load_dataset("digits"), 3)
    hn.save(net, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_it_writes_the_file_and_prints_its_sizes_and_its_test_error(model, tmp_path, capsys):
    assert main(["export", str(model), str(tmp_path / "net.c"), "--int8", "--data", "digits"]) == 0
    out = capsys.readouterr().out
    net = hn.load(model)
    digits = hn.load_dataset("digits")
    assert f"{net.num_parameters()} real weights in {net.num_parameters()} bytes" in out
    assert "buffers on the stack: 200 bytes" in out
    exported, before = re.search(r"test error on digits: ([\d.]+) %; before the export: ([\d.]+) %", out).groups()
    assert float(before) == pytest.approx(hn.losses.error_rate(hn.predict(net, digits.x_test), digits.y_test), abs=0.01)
    assert abs(float(exported) - float(before)) < 2
    assert "int8_t weight_t" in (tmp_path / "net.c").read_text() and (tmp_path / "net.h").exists()


@pytest.mark.parametrize("options", [[], ["--expanded"]])
def test_it_writes_an_onnx_model(options, model, tmp_path, capsys):
    pytest.importorskip("onnx", reason="the package onnx is not installed; make check-exports installs it")
    assert main(["export", str(model), str(tmp_path / "net.onnx"), *options]) == 0
    assert f"net.onnx: {(tmp_path / 'net.onnx').stat().st_size:,} bytes" in capsys.readouterr().out


def test_without_the_package_onnx_it_says_what_to_install(model, tmp_path, capsys, monkeypatch):
    for name in ("onnx", "hashnets_np.export.onnx_graph", "hashnets_np.export.onnx_layers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="needs the package onnx"):
        hn.export_onnx(hn.load(model), tmp_path / "net.onnx")
    assert main(["export", str(model), str(tmp_path / "net.onnx")]) == 2
    assert 'pip install "hashnets_np[onnx]"' in capsys.readouterr().err
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["missing.safetensors", "net.c"], "no model file at missing.safetensors"),
    (["MODEL", "net.exe"], "must end in .c"),
    (["MODEL", "net.c", "--expanded"], "--expanded is for ONNX"),
    (["MODEL", "net.onnx", "--int8"], "--int8 is for C"),
    (["MODEL", "nowhere/net.c"], "nowhere"),
    (["MODEL", "net.c", "--data", "cifar"], "unknown data set 'cifar'"),
    (["MODEL", "net.c", "--data-dir", "."], "--data-dir is for --data, which is missing"),
    (["MODEL", "net.onnx", "--data-dir", "."], "--data-dir is for C"),
])
def test_what_cannot_be_done_is_one_line(arguments, message, model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *(str(model) if a == "MODEL" else a for a in arguments)]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_data_of_another_number_of_classes_are_refused_before_a_file_is_replaced(tmp_path, capsys):
    hn.save(hn.build("hashnet", [64, 5, 3], compression="1/2"), tmp_path / "three.safetensors")
    (tmp_path / "net.c").write_text("old")
    assert main(["export", str(tmp_path / "three.safetensors"), str(tmp_path / "net.c"), "--data", "digits"]) == 2
    assert "y must be integers in 0..2" in capsys.readouterr().err
    assert (tmp_path / "net.c").read_text() == "old" and not (tmp_path / "net.h").exists()
