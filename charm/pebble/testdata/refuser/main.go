// refuser is the daemon "/usr/bin/willing", but for a configuration that says
// "elsewhere": then it ends at once, and says why.
package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

func main() {
	text, err := os.ReadFile(os.Getenv("LXD_POOLD_CONFIG"))
	if err == nil && bytes.Contains(text, []byte("elsewhere")) {
		err = fmt.Errorf("cannot listen: it is taken")
	}
	if err == nil {
		err = syscall.Exec("/usr/bin/willing", os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "Error:", err)
	os.Exit(1)
}
