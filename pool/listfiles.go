package pool

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
)

// filesAtOnce is how many files are worked on at the same time. More than that
// gains nothing on a real LXD.
const filesAtOnce = 16

// maxLinks is how many links are followed, as a kernel has it.
const maxLinks = 40

func listFiles(ctx context.Context, tree FileTree, at string) ([]File, error) {
	f, err := tree.Stat(at)
	if err != nil {
		return nil, of(at, err)
	}
	if f.Type != Directory {
		f.Name = base(at)
		return []File{f}, nil
	}
	list, err := tree.List(at)
	if err != nil {
		return nil, of(at, err)
	}
	crew := newCrew(ctx, filesAtOnce)
	for i := range list {
		if list[i].Type != Symlink {
			continue
		}
		err := crew.do(func() (err error) {
			list[i].Target, err = readLink(tree, below(at, list[i].Name))
			return err
		})
		if err != nil {
			break
		}
	}
	if err := crew.wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// readLink returns where a link leads, "" when it has vanished or is none any more.
func readLink(tree FileTree, at string) (string, error) {
	target, err := tree.ReadLink(at)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EINVAL) {
		return "", nil
	}
	return target, of(at, err)
}

func deleteFile(ctx context.Context, tree FileTree, at string, recursive bool) error {
	if base(at) == "" {
		return Invalidf("", `cannot delete "/": nothing would be left`)
	}
	f, err := tree.Lstat(at)
	if err != nil {
		return of(at, err)
	}
	if f.Type == Directory && recursive {
		return deleteTree(ctx, tree, at)
	}
	err = tree.Remove(at)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		return Invalidf("delete it with all that is in it (-r)", "cannot delete %s: it is a directory that is not empty", at)
	}
	return of(at, err)
}

// deleteTree deletes a directory and all that is in it. What another deletes
// meanwhile is as good.
func deleteTree(ctx context.Context, tree FileTree, at string) error {
	list, err := tree.List(at)
	if err != nil {
		return unlessGone(of(at, err))
	}
	crew := newCrew(ctx, filesAtOnce)
	for _, f := range list {
		inner := below(at, f.Name)
		if f.Type == Directory {
			err = deleteTree(crew.ctx, tree, inner)
		} else {
			err = crew.do(func() error { return unlessGone(of(inner, tree.Remove(inner))) })
		}
		if err != nil {
			break
		}
	}
	if err := orElse(crew.wait(), err); err != nil {
		return err
	}
	return unlessGone(of(at, tree.Remove(at)))
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
