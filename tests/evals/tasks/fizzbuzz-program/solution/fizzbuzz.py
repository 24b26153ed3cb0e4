import sys


def word(n: int) -> str:
    return "Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0) or str(n)


def main() -> int:
    given = sys.argv[1:]
    if len(given) != 1 or not given[0].isdecimal() or int(given[0]) < 1:
        print("Give one positive whole number.", file=sys.stderr)
        return 2
    print("\n".join(word(n) for n in range(1, int(given[0]) + 1)))
    return 0


sys.exit(main())
