values = [3, 1, 2]
other = values
other.sort()
print(values)
