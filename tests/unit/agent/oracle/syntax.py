"""Owns commands composed from the shell's syntax around `git push`, most of which run it."""

import shlex

from hypothesis import strategies as st

PLAIN = ["git push", "git push origin main", "git -C . push", "git\tpush"]
PUSH = [
    *('g"i"t pu\\sh', "'git' push", 'git "pu"sh', "$'git' push", "git p$'\\x75'sh", '$"git" push'),
    *("\\git push", "git pu{s,}h", "{git,push}", "git\\\n push", "gi\\\nt push", "git pu''sh"),
    *("git pu$()sh", "x=push; git $x", "x=git; $x push", "x='git push'; $x", "git $(echo push)"),
    *("`echo git` push", "git `echo push`", "$(echo git push)", "git ${x:-push}", "${x-git} push"),
    *('set -- git push; "$@"', 'x=(git push); "${x[@]}"', "y=x x=git; ${!y} push"),
    *("IFS=,; x=git,push; $x", "declare -n x=y; y=git; $x push", "printf -v x git; $x push"),
    *(">x git push", "git >x push", "{fd}>x git push", "git {fd}>x push", "&>x git push"),
    *("2>&1 git push", "git 2>&1 push", "<<<x git push", "git <<<x push", "3<&- git push"),
    *("x=1 git push", "x=1 y+=2 git push", "x[1]=2 git push", "~/../stubs/git push"),
    *("shopt -s nullglob; * git push", "shopt -s extglob\n/tmp/stubs/@(git) push"),
]
"""Ways to write it."""

LINES = [
    *("§; :", ":; §", ": && §", "§ && :", "false || §", ": | §", "§ | cat", ": |& §"),
    *("§ &", "§ & :", "§&", "(§)", "( § )", "((§) )", "( (§) )", "{ §; }", "{ §\n}"),
    *(":\n§\n:", "§\n\n", "# x\n§", ": # x\n§", ": #'\n§ #'", ": a#'\n§ #'", ': "#\n§#"'),
    *("x=$(§)", "x=`§`", ": $(§)", ': "$(§)"', ": `§`", ': "`§`"', ": <(§)", ": >(§)"),
    *("cat < <(§)", ": > >(§)", ": a$(§)b", "x=($(§))", "x[$(§)]=1", "x=([$(§)]=1)"),
    *(": ${x:-$(§)}", ': "${x:-$(§)}"', ": ${x:=`§`}", ": ${x+a}${x-$(§)}"),
    *("x=a; : ${x#$(§)}", "x=a; : ${x/a/$(§)}", "x=a; : ${x:$(§)}", "x=a; : ${x^`§`}"),
    *("x=a; : \"${x%%'$(§)'}\"", ": ${x:-<(§)}", ": ${x:-'}'$(§)}", ': "${x:-"`§`"}"'),
    *(": $(( $(§) ))", ": $((x[$(§)]))", "(( $(§) ))", "(( x = `§` ))", ": $[ $(§) ]"),
    *("let x=$(§)", "for ((i=$(§);0;)); do :; done", ": $((§) )", ": $( (§) )", "[[ $(§) ]]"),
    *("[[ x =~ $(§) ]]", "[[ a < $(§) ]]", "[[ -n `§` && b ]]", "[ $(§) ]", 'test "$(§)"'),
    *("if §; then :; fi", "if :; then §; fi", "if false; then :; elif §; then :; fi"),
    *("if false; then :; else §; fi", "if :\nthen\n§\nfi", "while §; do break; done"),
    *("while :; do §; break; done", "until ! §; do break; done", "until §; do break; done"),
    *("for x in 1; do §; done", "for x in 1; { §; }", "for x in 1\ndo §; done"),
    *("set a; for x do §; done", "for x in $(§); do :; done", "for ((;;)); do §; break; done"),
    *("for ((i=0;i<1;i++)) { §; }", "select x in a; do §; break; done <<< 1"),
    *("case x in x) §;; esac", "case x in (x) §;; esac", "case x in a|x) §\nesac"),
    *(
        "case x in x) : ;& y) §;; esac",
        "case x in x) : ;;& (?) §;; esac",
        "case $(§) in x) ;; esac",
    ),
    *(
        "case x in $(§)) ;; esac",
        "case x in esac; §",
        "case in in in) §;; esac",
        "case x in\n# )\nx) §;;\nesac",
    ),
    *("f() { §; }; f", "f() (§); f", "function f { §; }; f", "function f() { §; } >x; f"),
    *(
        "f() if :; then §; fi; f",
        "f()\n{ §; }\nf",
        "function f (§); f",
        "f() for x in 1; do §; done; f",
    ),
    *("a.b() { §; }; a.b", "function if { §; }; \\if", "function { { §; }; \\{", "é() { §; }; é"),
    *("! §", "time §", "time -p §", "! time §", "time ! §", "coproc §", "coproc { §; }"),
    *("coproc X { §; }", "coproc X (§)", "! (§)", "time (§)", "! { §; }", "time -p { §; }"),
    *(
        "! if §; then :; fi",
        "time while §; do break; done",
        "! x=$(§)",
        "! [[ $(§) ]]",
        "! (( $(§) ))",
    ),
    *("! case x in x) §;; esac", "! f() { §; }; f", "time for ((;;)); do §; break; done"),
    *("cat <<E\n$(§)\nE", "cat <<E\n`§`\nE", "cat <<-E\n\t$(§)\n\tE", "cat <<E\n${x:-$(§)}\nE"),
    *("cat <<E\n'$(§)'\nE", "cat <<E\n\\\\$(§)\nE", "cat <<E; §\nx\nE", "cat <<E && §\nx\nE"),
    *(
        "cat <<E | cat; §\n'\nE",
        "cat <<'E'\n'\nE\n§",
        "cat <<E'F'\nx\nEF\n§",
        "cat <<'E F'\nx\nE F\n§",
    ),
    *("cat <<-\\E\n\tx\n\tE\n§", "cat <<E <<F\nE\nF\n§", "cat <<''\n\n§", "cat <<E\nE \nE\n§"),
    *("cat <<$x\n$x\n§", "cat <<E\n$(cat <<F\n$(§)\nF\n)\nE", ": $(cat <<E\nE\n§)", "cat <<<$(§)"),
    *(
        'cat <<< "`§`"',
        ": $((1<<2))\n§\n2",
        "(( 1 << E ))\n§\nE",
        "(( x<<=2 ))\n§",
        "let x=1<<2\n§\n2",
    ),
    *(": ${x:1<<E}\n§\nE", "x[1<<E]=2\n§\nE", ": '<<E'\n§\nE", ": \\<<E\n§\nE", ": # <<E\n§\nE"),
    *(": $[1<<E]\n§\nE", ': "<<E\n"\n§\nE', ": a<<E\nE\n§", ": <<E\\\nF\nEF\n§", ": <<< <<E\n§\nE"),
    *("echo $#; §", "x=#; §", "x=a; : ${#x}; §", ": x#; §", ": $x#; §", ": ''#; §", ": $()#; §"),
    *(": a\f# ; §", ": a\r# ; §", ": \v#; §", ": é#; §", ": \xa0#; §", ": a\\\n#; §", ": \\\n#\n§"),
    *("echo {; §", "echo }; §", "echo if; §", "echo case x in x; §", "echo [[; §", "echo ((; §"),
    *("[[ x =~ ( ]]\n§", "[[ x =~ a|b ]]; §", "[[ x =~ [#'] ]]; § #'", "[[ a == ' ]]'* ]]; §"),
    *("x=a; [[ $x = @(a|b) ]] && §", ": ${x:-'}'}; §", ': ${x:-"}"}; §', ": ${x:-\\}}; §"),
    *(
        ": $'\\''; § #'",
        ": $'\\\\'; § #'",
        ': $"a"; §',
        ": \"$'\"; § #'",
        ": \\'; § #'",
        ": \\\\; §",
    ),
    *(": \"'\"; § #'", ": '\"'; § #\"", ': "\\""; § #"', ": '\\'; § #'", ": \"$(: ')')\"; §"),
    *(
        ": $(: \\)); §",
        ": $(: # )\n); §",
        ": $(case x in x) §;; esac)",
        ": $(case x in (x) §;; esac)",
    ),
    *(
        "trap '§' EXIT",
        "trap -- '§' 0",
        "trap '§' DEBUG; :",
        "trap '§' ERR; false",
        "trap '§' CHLD; (:)",
    ),
    *("command_not_found_handle() { §; }; nope", "exec {fd}>x; §", "x=1; §", "x=(a b); §"),
    *(
        "declare x=$(§)",
        "export x=`§`",
        "readonly x=$(§)",
        "declare -A x=([$(§)]=1)",
        "f() { local x=$(§); }; f",
    ),
    *(
        "shopt -s extglob\n: @(a|$(§))",
        "shopt -s extglob\n: !(#)\n§",
        "§ \\\n",
        "\\\n§",
        "§;",
        "\n\n§",
    ),
    *(
        "set -e; §",
        'set -- §; "$@"',
        'f() { "$@"; }; f §',
        "mapfile -C '§' -c 1 <<< x",
        "jobs -x §",
    ),
    *(
        "compgen -C '§' x",
        "x='a[$(§)]'; : $((x))",
        "test -v 'a[$(§)]'",
        "x='$(§)'; : ${x@P}",
        "eval : §; §",
    ),
]
"""Stand around the text of a command."""

WORDS = [
    *("bash -c §", "bash -xc §", "bash -c -- §", "bash +x -c §", "bash -O extglob -c §", "sh -c §"),
    *(
        "eval §",
        "eval -- §",
        "eval : \\; §",
        "builtin eval §",
        "command eval §",
        "bash <<< §",
        "bash 0<<< §",
    ),
    *(
        "<<< § bash",
        "bash -s <<< §",
        "bash - <<< §",
        "(sh) <<< §",
        "{ sh; } <<< §",
        "f() { sh; }; f <<< §",
    ),
    *("if :; then sh; fi <<< §", "exec <<< §; sh", ". /dev/stdin <<< §", "source /dev/fd/3 3<<< §"),
    *("x=§; eval $x", 'x=§; eval "$x"', 'x=§; bash -c "$x"', "export x=§; bash -c 'eval \"$x\"'"),
    *("bash -c 'eval \"$1\"' _ §", "bash -c 'eval $0' §", "bash -c sh <<< §", "eval sh <<< §"),
    *('read -r x <<< §; eval "$x"', "while read -r x; do eval $x; done <<< §", "set §; eval $1"),
    *(
        "echo § | sh",
        "echo § | bash -s",
        "sh < <(echo §)",
        ". <(echo §)",
        "tee >(sh) <<< §",
        "f() { sh; }; echo § | f",
    ),
    *(
        "shopt -s expand_aliases\nalias g=§\ng",
        "trap § EXIT",
        "env -S §",
        "xargs sh -c § </dev/null",
    ),
    *(
        "find . -exec sh -c § \\;",
        "cat <<< § | { sh; }",
        "coproc sh; echo § >&${COPROC[1]}; sleep 0",
    ),
]
"""Take a command as one word."""

BODIES = [
    *(
        "sh <<'E'\n§\nE",
        "sh <<E\n§\nE",
        "bash -s <<-\\E\n§\nE",
        "<<'E' sh\n§\nE",
        "(sh) <<'E'\n§\nE",
    ),
    *(
        "cat <<'E' | sh\n§\nE",
        "cat <<E | if :; then sh; fi\n§\nE",
        "exec 0<<'E'\n§\nE\nsh",
        ". /dev/stdin <<'E'\n§\nE",
    ),
    *(
        "f() { sh; } <<'E'\n§\nE\nf",
        "sh <<'E' >x\n§\nE",
        "! sh <<'E'\n§\nE",
        "time sh <<E\n§\nE",
        "sh 3<<X <<'E'\nX\n§\nE",
    ),
    *("read -rd '' x <<'E'\n§\nE\neval \"$x\"", "mapfile x <<'E'\n§\nE\neval ${x[0]}"),
]
"""Take a command as lines that a shell reads."""

PREFIXES = [
    *(
        "command",
        "command -p",
        "command --",
        "builtin command",
        "exec",
        "exec -c",
        "exec -l -a x",
        "env",
    ),
    *(
        "env --",
        "env -u X",
        "env A=1",
        "env -i PATH=$PATH",
        "nice",
        "nice -n 5",
        "nice -5",
        "nohup",
        "setsid",
    ),
    *(
        "timeout 1",
        "timeout -s9 1s",
        "timeout --foreground 1",
        "xargs -a /dev/null",
        "find . -maxdepth 0 -exec",
    ),
]
"""Take the words of a simple command; `find` needs its end."""

NOISE = [
    *(
        "\\\n",
        "\n",
        " ",
        "\t",
        ";",
        "&",
        "#",
        "'",
        '"',
        "`",
        "\\",
        "(",
        ")",
        "{",
        "}",
        "$",
        "<",
        ">",
        "|",
        "!",
    ),
    *(
        "\r",
        "\f",
        "\v",
        "\xa0",
        "\u2003",
        "é",
        "=",
        "[",
        "]",
        "*",
        "?",
        "~",
        "<<",
        "<(",
        "$(",
        "${",
        "$((",
        "))",
        ";;",
    ),
    *(
        " # ",
        "''",
        '""',
        "$x",
        "{a,b}",
        "E",
        "if ",
        " fi",
        " in ",
        "time ",
        "! ",
        "coproc ",
        "x=",
        ">x ",
        "&&",
        "||",
    ),
]

QUIET = [
    "git status",
    "ls",
    "echo push",
    "git log --oneline",
    "cat x",
    "echo 'git push'",
    ": git push",
]


@st.composite
def commands(draw: st.DrawFn) -> str:
    """One that may run `git push`: nested, then perhaps spoilt at a few places."""
    text = draw(st.sampled_from([QUIET, PUSH, *[PLAIN] * 6]).flatmap(st.sampled_from))
    if text in PLAIN and draw(st.booleans()):
        prefix = draw(st.sampled_from(PREFIXES))
        text = f"{prefix} {text}" + (" \\;" if "-exec" in prefix else "")
    for _ in range(draw(st.integers(0, 4))):
        match draw(st.integers(0, 9)):
            case 0 | 1:
                text = draw(st.sampled_from(WORDS)).replace("§", shlex.quote(text))
            case 2:
                text = draw(st.sampled_from(BODIES)).replace("§", text)
            case _:
                text = draw(st.sampled_from(LINES)).replace("§", text)
    for _ in range(max(0, draw(st.integers(-2, 3)))):
        at = draw(st.integers(0, len(text)))
        taken = draw(st.integers(0, 3)) == 0
        text = text[:at] + ("" if taken else draw(st.sampled_from(NOISE))) + text[at + taken :]
    return text
