package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

func TestASecretIsReadByThoseItWasGrantedToAndTracked(t *testing.T) {
	m := world(t, model.Options{})
	seen := t.TempDir()
	deploy(t, m, "lxd-pool", `
		case "$JUJU_HOOK_NAME" in
		lease-relation-joined)
			[ "$JUJU_REMOTE_UNIT" = web/0 ] || exit 0
			id=$(secret-add --owner unit --label one token=first)
			secret-grant "$id" -r "$JUJU_RELATION_ID" --unit web/0
			relation-set "id=$id" ;;
		config-changed)
			[ "$(config-get size)" = 1 ] || secret-set "$(secret-info-get --label one | head -n 1 | cut -d: -f1)" token=second ;;
		secret-remove) echo "$JUJU_SECRET_REVISION $JUJU_SECRET_LABEL" >> `+seen+`/removed
			secret-remove "$JUJU_SECRET_ID" --revision "$JUJU_SECRET_REVISION" ;;
		esac`, 1)
	deploy(t, m, "web", `
		out=`+seen+`/${JUJU_UNIT_NAME#*/}
		case "$JUJU_HOOK_NAME" in
		pool-relation-changed)
			id=$(relation-get id lxd-pool/0); [ -n "$id" ] || exit 0
			secret-get "$id" token >> "$out" 2>&1 || true ;;
		secret-changed)
			echo "tracked $(secret-get "$JUJU_SECRET_ID" token)" >> "$out"
			echo "peeked $(secret-get "$JUJU_SECRET_ID" --peek token)" >> "$out"
			echo "refreshed $(secret-get "$JUJU_SECRET_ID" --refresh --label mine token)" >> "$out"
			echo "labelled $(secret-get --label mine)" >> "$out" ;;
		esac`, 2)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	if got := read(t, seen+"/0"); got != "first\n" {
		t.Errorf("web/0 read %q", got)
	}
	if got := read(t, seen+"/1"); !strings.Contains(got, "permission denied") {
		t.Errorf("web/1 read %q", got)
	}
	m.SetConfig("lxd-pool", map[string]any{"size": 2})
	settle(t, m)
	want := "first\ntracked first\npeeked second\nrefreshed second\nlabelled token: second\n"
	if got := read(t, seen+"/0"); got != want {
		t.Errorf("web/0 read %q, not %q", got, want)
	}
	if got := read(t, seen+"/removed"); got != "1 one\n" {
		t.Errorf("the owner was told of %q", got)
	}
	s := m.Secrets()
	if len(s) != 1 || len(s[0].Values) != 1 || s[0].Values[2]["token"] != "second" || !slices.Equal(s[0].Readers, []string{"web/0"}) {
		t.Errorf("the secrets are %+v", s)
	}
	m.Unrelate("web:pool", "lxd-pool:lease")
	settle(t, m)
	if s := m.Secrets(); len(s[0].Readers) != 0 {
		t.Errorf("with the relation gone it may still be read by %v", s[0].Readers)
	}
	m.RemoveUnit("lxd-pool/0")
	settle(t, m)
	if s := m.Secrets(); len(s) != 0 {
		t.Errorf("with its owner gone there is still %+v", s)
	}
}

func TestTwoSecretsOfOneOwnerCannotShareALabel(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" != install ] || secret-add --owner unit --label one token=first
		[ "$JUJU_HOOK_NAME" != start ] || secret-add --owner unit --label one token=second`, 1)
	err := m.Settle()
	if err == nil || !strings.Contains(err.Error(), `secret with label "one" already exists`) {
		t.Errorf("settled with %v", err)
	}
}

func TestOfTwoGrantsOfOneSecretInOneRelationAndHookTheLastOneWins(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" = lease-relation-joined ] && [ "$(relation-list | wc -l)" = 2 ] || exit 0
		id=$(secret-add --owner unit token=first)
		secret-grant "$id" -r "$JUJU_RELATION_ID" --unit web/0
		secret-grant "$id" -r "$JUJU_RELATION_ID" --unit web/1`, 1)
	deploy(t, m, "web", "", 2)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	if s := m.Secrets(); len(s) != 1 || !slices.Equal(s[0].Readers, []string{"web/1"}) {
		t.Errorf("the secrets are %+v", s)
	}
}

func TestASecretThatExpiresIsToldToItsOwner(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" != install ] || secret-add --owner unit --expire 1h token=first
		[ "$JUJU_HOOK_NAME" != secret-expired ] || secret-remove "$JUJU_SECRET_ID"`, 1)
	settle(t, m)
	m.ExpireSecret(m.Secrets()[0].ID)
	settle(t, m)
	if got := hooks(m, "lxd-pool/0"); got[len(got)-1] != "secret-expired" || len(m.Secrets()) != 0 {
		t.Errorf("it ran %q, and there are %d secrets", got, len(m.Secrets()))
	}
}
