set -e
printf 'a b\nc\n' > t.txt
test "$(python3 count.py t.txt)" = 3
test "$(python3 count.py --lines t.txt)" = 2
set +e; python3 count.py nothing.txt 2>err.txt; code=$?; set -e
test $code = 1; test -s err.txt; ! grep -q Traceback err.txt
