"""What lessons do that fails only where Python runs in a browser. test_webassembly.py runs it; it passes everywhere."""

import hashnets_np as hn


def test_a_trained_network_is_saved_and_loaded(tmp_path):
    net = hn.build("hashnet", widths=[64, 8, 10], compression="1/8", seed=0)
    hn.fit(net, hn.load_dataset("digits"), epochs=1, seed=0)
    hn.save(net, tmp_path / "net.safetensors")
    assert hn.load(tmp_path / "net.safetensors").num_parameters() == net.num_parameters()
