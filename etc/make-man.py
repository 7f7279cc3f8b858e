#!/usr/bin/env python3
"""Writes the man pages from what the programs say of themselves: make-man.py PROGRAMS_DIR OUT_DIR.

The pages are in docs/man, and a test compares them with the programs; `make man` makes them anew.
"""

import re
import subprocess
import sys
from pathlib import Path

FILES = """
.SH FILES
.TP
.I /etc/larder/larder.env
the variables, as the service manager reads them
.TP
.I /run/larder
control.sock, fcgi.sock and events.sock
.TP
.I /var/lib/larder
the models and the state, unless the variables say otherwise
"""

EXAMPLES = [
    ("larder preview bartowski/Llama-3.2-1B-Instruct-GGUF", "what there is to choose from, and what it takes"),
    ("larder get bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "fetch one quant, and wait"),
    ("larder get \"hf download Qwen/Qwen3-8B --include '*.safetensors'\"", "a command from a model's page"),
    ("larder ls", "what is on the disk"),
    ("larder verify Qwen/Qwen3-8B", "is every byte right?"),
    ("larder update Qwen/Qwen3-8B", "fetch what the Hub has changed"),
    ("larder settings set limit=2MB", "leave some of the line to others"),
]

DAEMONS = {
    "larderd": ("the download daemon of Larder", """
.B larderd
fetches models from the Hugging Face Hub, proves every byte of them, and keeps the library in order. It serves
.BR larder (1),
.BR larder-fcgi (8)
and the event stream on Unix sockets, listens on no port, and stays in the foreground. Started by root it goes on as
.IR LARDER_USER .
.PP
SIGTERM and SIGINT end it once what is on its way is durable; a second one ends it at once. SIGHUP reads again the
secrets that come from files (the Hub's token, the API keys).
""", """
.SH OPTIONS
.TP
.BR \\-\\-check " [\\fIENV_FILE\\fR]"
says of every variable that makes no sense what is wrong with it, and does nothing else. The variables are those of
ENV_FILE, which the service manager reads, over those of the environment
.TP
.BR \\-\\-restore " \\fICOPY\\fR [\\fIENV_FILE\\fR]"
puts a copy of the database, of `larder backup`, in its place; no larderd may run. What was there is larder.db.before-restore
.TP
.BR \\-\\-print\\-env ", " \\-\\-print\\-docs
prints the variables as larder.env, as CONFIGURATION.md
.TP
.BR \\-\\-help ", " \\-\\-version
prints the variables; the version
.SH EXIT STATUS
0 after a stop in good order, 78 when the configuration makes no sense, 1 when something else is in the way.
"""),
    "larder-fcgi": ("the web side of Larder", """
.B larder\\-fcgi
answers the FastCGI requests of a web server with the help of
.BR larderd (8).
It holds no state, opens no file and no connection but to larderd, and stays in the foreground.
.PP
SIGTERM, SIGINT and SIGHUP end it once the requests that it has taken are answered.
""", """
.SH OPTIONS
.TP
.BR \\-\\-help ", " \\-\\-version
prints the variables; the version
.SH EXIT STATUS
0 after a stop in good order, 78 when the configuration makes no sense, 1 when something else is in the way.
"""),
}


def escape(text):
    """Plain text as roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def ask(folder, program, *words):
    return subprocess.run([folder / program, *words], capture_output=True, text=True, check=True).stdout


def head(name, section, summary):
    return f'.TH {name.upper()} {section} "" "Larder" "Larder"\n.SH NAME\n{escape(name)} \\- {escape(summary)}\n'


def tagged(rows):
    """Rows of two columns, the second of which may go on in the next lines."""
    out = []
    for tag, text in rows:
        out.append(f".TP\n.B {escape(tag)}\n{escape(' '.join(text.split()))}\n")
    return "".join(out)


def two_columns(text):
    rows = []
    for line in text.splitlines():
        found = re.match(r"^  (\S+)\s+(\S.*)$", line)
        if found:
            rows.append([found[1], found[2]])
        elif line.strip():
            rows[-1][1] += " " + line.strip()
    return rows


def larder(folder):
    """larder(1), a section for each command."""
    about, commands = ask(folder, "larder", "--help").split("\n\n", 2)[1:]
    page = head("larder", 1, "fetch models from the Hugging Face Hub and keep them in order")
    page += ".SH SYNOPSIS\n.B larder\n.I COMMAND\n[\\fIWORD\\fR]... [\\fIOPTION\\fR]...\n"
    page += f".SH DESCRIPTION\n{escape(about)}\nIt asks\n.BR larderd (8)\nover its control socket: who may use it is root,"
    page += " larderd's user, and the members of the group that owns the socket (larder). MODEL is owner/name as larder ls"
    page += " shows it, ID what larder ps and larder trash show.\n.SH COMMANDS\n"
    for name, _ in two_columns(commands.rsplit("\n\n", 1)[0]):
        usage, rest = ask(folder, "larder", name, "--help").split("\n\n", 1)
        text, options = rest.split("\n\nOptions:\n")
        own = [row for row in two_columns(options) if row[0].split("=")[0] not in ("--json", "--socket", "--help")]
        page += f".SS {escape(usage.removeprefix('usage: '))}\n{escape(' '.join(text.split()))}\n" + tagged(own)
    page += ".SH OPTIONS OF ALL COMMANDS\n"
    page += tagged(row for row in two_columns(options) if row[0].split("=")[0] in ("--json", "--socket", "--help"))
    page += ".SH EXIT STATUS\n" + tagged([
        ("0", "it went well"), ("1", "it did not"), ("2", "it was asked for wrongly"), ("3", "larderd is not running"),
        ("130", "Ctrl-C")])
    return page + ".SH EXAMPLES\n" + tagged(EXAMPLES) + ".SH ENVIRONMENT\n.TP\n.B LARDER_RUNTIME_DIR\nwhere control.sock is (/run/larder)\n" \
        ".TP\n.B NO_COLOR\nno colours, also on a terminal\n.SH SEE ALSO\n.BR larderd (8)\n"


def daemon(folder, name):
    """larderd(8), larder-fcgi(8): the variables are the same table."""
    summary, about, options = DAEMONS[name]
    page = head(name, 8, summary) + f".SH SYNOPSIS\n.B {escape(name)}\n[\\fIOPTION\\fR]\n.SH DESCRIPTION" + about
    page += options.rstrip("\n") + "\n.SH ENVIRONMENT\n"
    table = ask(folder, name, "--help")
    rows = two_columns(table[table.index("\n  LARDER_"):])
    page += tagged((tag, re.sub(r"\s+(default: |or \w+_FILE: )", r"; \1", text)) for tag, text in rows)
    other = "larder-fcgi" if name == "larderd" else "larderd"
    return page.rstrip("\n") + FILES + f".SH SEE ALSO\n.BR larder (1),\n.BR {escape(other)} (8)\n"


def main():
    """Writes all three."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    (out / "larder.1").write_text(larder(folder))
    for name in DAEMONS:
        (out / f"{name}.8").write_text(daemon(folder, name))


if __name__ == "__main__":
    main()
