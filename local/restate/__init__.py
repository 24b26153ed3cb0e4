"""The real Restate server, pinned by `package.json`, started as a child process."""
