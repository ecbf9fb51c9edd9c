"""The command line, a file for each family of commands; what a command needs is imported when it runs."""
