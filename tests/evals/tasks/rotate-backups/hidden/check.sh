set -e
test -x rotate.sh
mkdir -p d/sub; n=0
for f in "a.bak" "b c.bak" "d'e.bak" "-f.bak" "keep.txt" "sub/g.bak"; do
  n=$((n+1)); : > "d/$f"; touch -d "2020-01-0$n" "d/$f"
done
./rotate.sh d 2 > out.txt
test ! -e d/a.bak; test ! -e "d/b c.bak"; test -e "d/d'e.bak"; test -e d/-f.bak
test -e d/keep.txt; test -e d/sub/g.bak
grep -q a.bak out.txt; grep -q "b c.bak" out.txt; test "$(wc -l < out.txt)" = 2
./rotate.sh d 2; test -e "d/d'e.bak"
