"""Tools of today's developers: esbuild, ripgrep, Biome, Node.js. They want a Windows that has bcryptprimitives.dll, as Wine has it
since version 9."""
import pytest

from harness.paths import BIOME, ESBUILD, NODE, RIPGREP, X64, windows
from test_apps import both, hashes  # noqa: F401: the fixture

MODULES = 40
FILES = 5000

INSTALL = """\
// What npm does to a directory: unpack into a staging directory, rename into place, write a lock file, read everything back.
const fs = require('fs'), path = require('path'), crypto = require('crypto');
const files = Number(process.argv[2]), packages = files / 10, top = 'node_modules', staging = path.join(top, '.staging');
fs.rmSync(top, {recursive: true, force: true});
const lock = {};
for (let p = 0; p < packages; p++) {
  const name = p % 5 ? `package-${p}` : `@scope/package-${p}`, unpacked = path.join(staging, `package-${p}-0a1b`);
  fs.mkdirSync(path.join(unpacked, 'lib', 'deep'), {recursive: true});
  fs.writeFileSync(path.join(unpacked, 'package.json'), JSON.stringify({name, version: `1.0.${p}`, main: 'lib/0.js'}));
  for (let f = 0; f < 9; f++)
    fs.writeFileSync(path.join(unpacked, 'lib', f % 2 ? 'deep' : '.', `${f}.js`), `module.exports = ${p * f};\\n`.repeat(f + 1));
  fs.mkdirSync(path.dirname(path.join(top, name)), {recursive: true});
  fs.renameSync(unpacked, path.join(top, name));
  lock[name] = {version: `1.0.${p}`};
}
fs.rmdirSync(staging);
fs.writeFileSync('package-lock.json.tmp', JSON.stringify(lock, null, 1));
fs.renameSync('package-lock.json.tmp', 'package-lock.json');
const hash = crypto.createHash('sha256');
let count = 0, sum = 0;
for (const entry of fs.readdirSync(top, {recursive: true}).sort()) {
  const file = path.join(top, entry), stat = fs.statSync(file);
  hash.update(entry.replaceAll('\\\\', '/'));
  if (stat.isFile()) {
    hash.update(fs.readFileSync(file));
    count++;
  }
}
for (const name of Object.keys(lock)) sum += require(path.resolve(top, name));
console.log(count, 'files', hash.digest('hex'), 'sum', sum, fs.readFileSync('readme.txt', 'latin1').trim());
fs.appendFileSync('readme.txt', 'changed by node\\n');
"""


@pytest.fixture
def project(machine, reference, request):
    """Beside the directory that `both` makes, and before it looks at the host."""
    if X64.name != "x64":
        pytest.skip("not applicable: these are 64-bit programs")
    if not (machine.drive_c / "windows/system32/bcryptprimitives.dll").exists():
        pytest.skip("not applicable: the system has no bcryptprimitives.dll")
    for prefix in (machine, reference):
        write_project(prefix.drive_c / "users/Public" / request.node.name / "project")


@pytest.fixture
def run(project, both):  # noqa: F811
    return both


def write_project(top):
    (top / "src").mkdir(parents=True)
    for i in range(MODULES):
        imports = "".join(f"import {{ value{j} }} from './module{j}';\n" for j in range(i + 1, min(i + 3, MODULES)))
        (top / f"src/module{i}.ts").write_text(
            f"{imports}export const   value{i} : number={i}{''.join(f' + value{j}' for j in range(i + 1, min(i + 3, MODULES)))}\n"
            f"export function unused{i}( ) {{ debugger;return 'needle {i}' }}\n")
    (top / "src/main.ts").write_text("import { value0 } from './module0';\nconsole.log(value0);\n")
    (top / "install.js").write_text(INSTALL)


def test_esbuild(run):
    for options in (["--bundle", "--outfile=out\\bundle.js"], ["--bundle", "--minify", "--sourcemap", "--outfile=out\\small.js"],
                    ["--bundle", "--outfile=readme.txt", "--allow-overwrite", "--loader:.txt=js"]):
        run(windows(ESBUILD), "..\\project\\src\\main.ts", "--log-level=warning", *options)
    assert "value0" in run("cmd", "/c", "type out\\bundle.js & type out\\small.js & type out\\small.js.map & type readme.txt")
    hashes(run)


def test_ripgrep(run):
    assert run(windows(RIPGREP), "--sort", "path", "-n", "needle", "..\\project").count("needle") == MODULES
    run("cmd", "/c", "del ..\\project\\src\\module7.ts & echo a needle>more.txt & ren sub renamed")
    text = run(windows(RIPGREP), "--sort", "path", "-n", "needle", "..\\project", ".")
    assert "more.txt" in text and "module7.ts" not in text
    run(windows(RIPGREP), "--sort", "path", "--files", ".")
    run(windows(RIPGREP), "--no-such-option", code=2)


def test_biome(run):
    lint = [windows(BIOME), "lint", "--colors=off"]
    run(windows(BIOME), "format", "--write", "--colors=off", "..\\project\\src")
    assert "export const value3: number = 3 + value4 + value5;" in run("cmd", "/c", "type ..\\project\\src\\module3.ts")
    # of many files it reports in the order in which its threads finish
    assert "Found 1 error" in run(*lint, "..\\project\\src\\module3.ts", code=1)
    assert f"Found {MODULES} errors" in run(*lint, "--reporter=summary", "..\\project\\src", code=1)
    hashes(run)


def test_node_installs_packages(run):
    # node cannot open a pipe of Wine's as its standard output
    command = f"{windows(NODE)} ..\\project\\install.js {FILES} > node.log 2>&1 & type node.log"
    assert f"{FILES} files" in run("cmd", "/c", command, timeout=600)
    run("cmd", "/c", "dir /b node_modules & type package-lock.json & type readme.txt")
    hashes(run)
