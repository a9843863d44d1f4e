// Run tests of the package in Pyodide, which is CPython on WebAssembly, under node:
//   node pyodide_tests.mjs RUNTIME WHEELS PROJECT [pytest's arguments ...]
import path from "node:path";
import { pathToFileURL } from "node:url";

const [runtime, wheels, project, ...pytestArguments] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.join(runtime, "pyodide.mjs")));
const indexURL = path.resolve(runtime) + path.sep;
const env = { HOME: "/home/pyodide", HASHNETS_IMPL: "hashnets_np.conformance.numpy_layer:NumpyLayer", CI: process.env.CI ?? "" };
const python = await loadPyodide({ indexURL, lockFileURL: indexURL + "pyodide-lock.json", env });
// what these need is in the lock; tests that need more skip with a reason
await python.loadPackage(["numpy", "matplotlib", "threadpoolctl", "packaging", "pygments"], { messageCallback: () => {} });
for (const [name, root] of [["/project", project], ["/wheels", wheels]]) {
  python.FS.mkdirTree(name);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: path.resolve(root) }, name);
}
python.globals.set("pytest_arguments", python.toPy(pytestArguments));
process.exitCode = python.runPython(`
import glob, importlib, os, site, subprocess, sys, zipfile

for wheel in glob.glob("/wheels/*.whl"):
    zipfile.ZipFile(wheel).extractall(site.getsitepackages()[0])
importlib.invalidate_caches()
sys.dont_write_bytecode = True  # the project is the real folder
sys.path[:0] = ["/project", "/project/tests/site/stand_ins"]
os.chdir("/project")
import pytest


def no_process(*args, **settings):
    pytest.skip("WebAssembly has no processes")


subprocess.Popen = no_process
# Pyodide has no file behind stdout that capturing by file descriptor needs
int(pytest.main(["-p", "no:cacheprovider", "--capture=sys", *pytest_arguments]))
`);
