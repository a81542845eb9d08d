package pooltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// packed begins as every file of a simulated image does.
const packed = "\x1f\x8b"

func here(name string) pool.ImageRef { return pool.ImageRef{Name: name} }

var imageCases = []testCase{
	{"AnImageIsCopiedNamedAndUsedByAPool", func(b *bench) {
		made, err := b.root.CopyImage(b.Context(), pool.CopyImage{
			NewImage: pool.NewImage{Aliases: []string{"noble"}}, Remote: "ubuntu", Image: "24.04", AutoUpdate: true, CopyAliases: true})
		b.must(err)
		if !made.AutoUpdate || made.Source == nil || !slices.Equal(made.Aliases, []string{"noble", "24.04"}) {
			b.Errorf("it is %+v", made)
		}
		_, err = b.root.CreateImageAlias(b.Context(), "", pool.ImageAlias{Name: "lts", Image: "noble"})
		b.must(err)
		_, err = b.root.CreatePool(b.Context(), "ci", pool.Spec{Image: "lts", Size: 1})
		b.must(err)
		b.settle()
		if got := b.counts(); got.Ready != 1 {
			b.Errorf("the counts are %+v", got)
		}
		list, err := b.root.Images(b.Context(), "", "", "noble")
		b.must(err)
		if len(list) != 1 || !slices.Equal(list[0].Pools, []pool.PoolName{"ci"}) || len(list[0].Aliases) != 3 {
			b.Errorf("it is listed as %+v", list)
		}
		for name, err := range map[string]error{
			"image": b.root.DeleteImage(b.Context(), here("noble"), false), "alias": b.root.DeleteImageAlias(b.Context(), "", "lts", false),
		} {
			if !errors.Is(err, pool.ErrInUse) || !strings.Contains(err.Error(), "pool ci") {
				b.Errorf("deletion of the %s that a pool needs: %v", name, err)
			}
		}
		b.must(b.root.DeleteImageAlias(b.Context(), "", "24.04", false))
		if refreshed, err := b.root.RefreshImage(b.Context(), here("noble")); err != nil || refreshed {
			b.Errorf("refreshed %v, %v", refreshed, err)
		}
		b.must(b.root.DeleteImageAlias(b.Context(), "", "lts", true))
		b.must(b.root.DeleteImage(b.Context(), here("noble"), true))
		if _, err := b.root.Image(b.Context(), here("noble")); !errors.Is(err, pool.ErrNotFound) {
			b.Errorf("then it is shown: %v", err)
		}
	}},
	{"FilesOfAnImageComeBackAsTheyWere", func(b *bench) {
		for name, c := range map[string]struct{ metadata, rootfs string }{
			"unified": {packed + strings.Repeat("all of it ", 100_000), ""},
			"split":   {packed + "metadata", packed + strings.Repeat("root", 100_000)},
		} {
			i := pool.ImportImage{NewImage: pool.NewImage{Aliases: []string{"our/" + name}, Public: true},
				Properties: map[string]string{"os": "ours"}, Metadata: strings.NewReader(c.metadata)}
			if c.rootfs != "" {
				i.Rootfs = strings.NewReader(c.rootfs)
			}
			made, err := b.root.ImportImage(b.Context(), i)
			b.must(err)
			if made.Properties["os"] != "ours" || !made.Public || !slices.Equal(made.Aliases, []string{"our/" + name}) {
				b.Errorf("%s: it is %+v", name, made)
			}
			var parts []pool.ImagePart
			var all bytes.Buffer
			shown, err := b.root.ExportImage(b.Context(), here("our/"+name), func(f pool.ImageFile) (io.Writer, error) {
				parts = append(parts, f.Part)
				return &all, nil
			})
			b.must(err)
			if all.String() != c.metadata+c.rootfs || shown.Fingerprint != made.Fingerprint || (len(parts) == 2) != (c.rootfs != "") {
				b.Errorf("%s: it came back as %v with %d bytes", name, parts, all.Len())
			}
		}
		full := errors.New("no space left on device")
		_, err := b.root.ExportImage(b.Context(), here("our/unified"), func(pool.ImageFile) (io.Writer, error) { return fullDisk{full}, nil })
		if !errors.Is(err, full) {
			b.Errorf("with a full disk: %v", err)
		}
	}},
	{"BadImagesAreRefusedAndNothingIsMade", func(b *bench) {
		before, err := b.root.Images(b.Context(), "", "")
		b.must(err)
		busybox := before[0].Aliases[0]
		add := func(aliases ...string) pool.NewImage { return pool.NewImage{Aliases: aliases} }
		unreadable := errors.New("unreadable")
		for name, c := range map[string]struct {
			err  error
			want error
		}{
			"copy of an unknown image":      {second(b.root.CopyImage(b.Context(), pool.CopyImage{Remote: "ubuntu", Image: "nope"})), pool.ErrNotFound},
			"copy from an unknown remote":   {second(b.root.CopyImage(b.Context(), pool.CopyImage{Remote: "nope", Image: "24.04"})), pool.ErrNotFound},
			"copy from nowhere":             {second(b.root.CopyImage(b.Context(), pool.CopyImage{Image: "24.04"})), pool.ErrInvalid},
			"copy under a taken alias":      {second(b.root.CopyImage(b.Context(), pool.CopyImage{NewImage: add("new", busybox), Remote: "ubuntu", Image: "24.04"})), pool.ErrExists},
			"copy under a bad alias":        {second(b.root.CopyImage(b.Context(), pool.CopyImage{NewImage: add("a:b"), Remote: "ubuntu", Image: "24.04"})), pool.ErrInvalid},
			"import of what is none":        {second(b.root.ImportImage(b.Context(), pool.ImportImage{Metadata: strings.NewReader("text")})), pool.ErrRejected},
			"import of half of one":         {second(b.root.ImportImage(b.Context(), pool.ImportImage{Metadata: strings.NewReader(packed), Rootfs: strings.NewReader("text")})), pool.ErrRejected},
			"import with a tag of ours":     {second(b.root.ImportImage(b.Context(), pool.ImportImage{Metadata: strings.NewReader(packed), Properties: map[string]string{"user.lxd-pool.pool": "ci"}})), pool.ErrInvalid},
			"import under a taken alias":    {second(b.root.ImportImage(b.Context(), pool.ImportImage{NewImage: add(busybox), Metadata: strings.NewReader(packed)})), pool.ErrExists},
			"import of what is unreadable":  {second(b.root.ImportImage(b.Context(), pool.ImportImage{Metadata: broken{unreadable}})), unreadable},
			"export of an unknown image":    {second(b.root.ExportImage(b.Context(), here("nope"), nil)), pool.ErrNotFound},
			"export from a remote":          {second(b.root.ExportImage(b.Context(), pool.ImageRef{Remote: "ubuntu", Name: "24.04"}, nil)), pool.ErrInvalid},
			"edit of an unknown image":      {second(b.root.EditImage(b.Context(), here("nope"), pool.ImageEdit{})), pool.ErrNotFound},
			"edit on a remote":              {second(b.root.EditImage(b.Context(), pool.ImageRef{Remote: "ubuntu", Name: "24.04"}, pool.ImageEdit{})), pool.ErrInvalid},
			"refresh of what came nowhence": {second(b.root.RefreshImage(b.Context(), here(busybox))), pool.ErrInvalid},
			"deletion of an unknown image":  {b.root.DeleteImage(b.Context(), here("nope"), true), pool.ErrNotFound},
			"deletion on a remote":          {b.root.DeleteImage(b.Context(), pool.ImageRef{Remote: "ubuntu", Name: "24.04"}, true), pool.ErrInvalid},
			"a taken alias":                 {second(b.root.CreateImageAlias(b.Context(), "", pool.ImageAlias{Name: busybox, Image: busybox})), pool.ErrExists},
			"an alias of nothing":           {second(b.root.CreateImageAlias(b.Context(), "", pool.ImageAlias{Name: "new", Image: "nope"})), pool.ErrNotFound},
			"deletion of an unknown alias":  {b.root.DeleteImageAlias(b.Context(), "", "nope", true), pool.ErrNotFound},
			"publication of no lease":       {second(b.root.Publish(b.Context(), "ci.nope", pool.PublishImage{})), pool.ErrNoLease},
			"publication of no instance":    {second(b.root.PublishInstance(b.Context(), "", "nope", pool.PublishImage{})), pool.ErrNoInstance},
			"images of no project":          {second(b.root.Images(b.Context(), "", "nope")), pool.ErrNotFound},
			"images of no remote":           {second(b.root.Images(b.Context(), "nope", "")), pool.ErrNotFound},
		} {
			if !errors.Is(c.err, c.want) {
				b.Errorf("%s: %v", name, c.err)
			}
		}
		after, err := b.root.Images(b.Context(), "", "")
		b.must(err)
		if len(after) != len(before) || len(after[0].Aliases) != len(before[0].Aliases) {
			b.Errorf("the images are %+v", after)
		}
	}},
	{"AHolderPublishesWhatTheSpecAllows", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		lease := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease
		wish := pool.PublishImage{NewImage: pool.NewImage{Aliases: []string{"mine"}}, Properties: map[string]string{"os": "mine"}}
		if _, err := b.alice.Publish(b.Context(), lease.ID, wish); !errors.Is(err, pool.ErrForbidden) || !strings.Contains(err.Error(), "publish=holders") {
			b.Errorf("without leave: %v", err)
		}
		byRoot := wish
		byRoot.Aliases = []string{"hers"}
		made, err := b.root.Publish(b.Context(), lease.ID, byRoot)
		b.must(err)
		if made.Properties["os"] != "mine" || !slices.Equal(made.Aliases, []string{"hers"}) {
			b.Errorf("it is %+v", made)
		}
		_, err = b.root.SetPool(b.Context(), "ci", map[string]string{"publish": "holders"})
		b.must(err)
		_, err = b.alice.Publish(b.Context(), lease.ID, wish)
		b.must(err)
		if _, err := b.alice.Publish(b.Context(), lease.ID, wish); !errors.Is(err, pool.ErrExists) {
			b.Errorf("under a taken alias: %v", err)
		}
		_, err = b.root.CreatePool(b.Context(), "next", pool.Spec{Image: "mine", Size: 1})
		b.must(err)
		b.settle()
		grants, err := b.bob.Acquire(b.Context(), pool.AcquireRequest{Pool: "next"})
		if err != nil || len(grants) != 1 {
			b.Errorf("a lease of what was published: %+v, %v", grants, err)
		}
		_, err = b.root.PublishInstance(b.Context(), "", lease.Instance, pool.PublishImage{NewImage: pool.NewImage{Aliases: []string{"again"}}})
		b.must(err)
	}},
	{"APublicationEndsWithItsLease", func(b *bench) {
		b.create(pool.Spec{Size: 1, Publish: pool.PublishHolders})
		lease := b.acquire(b.alice, pool.AcquireRequest{TTL: pool.Duration(time.Second)})[0].Lease
		time.Sleep(500 * time.Millisecond)
		_, err := b.alice.Publish(b.Context(), lease.ID, pool.PublishImage{NewImage: pool.NewImage{Aliases: []string{"late"}}})
		if !errors.Is(err, pool.ErrLeaseEnded) {
			b.Error(err)
		}
		b.noImage("late")
	}},
	{"WhatIsGivenUpLeavesNoImage", func(b *bench) {
		ctx, cancel := context.WithTimeout(b.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := b.root.CopyImage(ctx, pool.CopyImage{NewImage: pool.NewImage{Aliases: []string{"late"}}, Remote: "ubuntu", Image: "24.04"})
		if !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("a copy: %v", err)
		}
		ctx, stop := context.WithCancel(b.Context())
		defer stop()
		_, err = b.root.ImportImage(ctx, pool.ImportImage{NewImage: pool.NewImage{Aliases: []string{"late"}},
			Metadata: io.MultiReader(strings.NewReader(packed), stopping{stop})})
		if !errors.Is(err, context.Canceled) {
			b.Errorf("an import: %v", err)
		}
		b.settle()
		b.noImage("late")
	}},
}

func (b *bench) noImage(alias string) {
	b.Helper()
	if _, err := b.root.Image(b.Context(), here(alias)); !errors.Is(err, pool.ErrNotFound) {
		b.Errorf("there is an image %s: %v", alias, err)
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }

type broken struct{ err error }

func (r broken) Read([]byte) (int, error) { return 0, r.err }

// stopping is a file whose reader gives up in the middle of it.
type stopping struct{ stop func() }

func (r stopping) Read(p []byte) (int, error) {
	r.stop()
	return len(p), nil
}
