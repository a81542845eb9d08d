// Package folder is the near end of a transfer of files: it packs what is on
// this machine into a tar stream, and unpacks one here. What it unpacks may come
// from a hostile instance: nothing is written outside of the folder, and no link
// is ever followed.
package folder
