// Package version says which version a program is.
package version

import (
	"runtime/debug"
	"strings"
)

// Text returns the version that was set when the program was built, else that
// of its module, else "devel".
func Text(set string) string {
	if set != "" {
		return set
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return "devel"
}
