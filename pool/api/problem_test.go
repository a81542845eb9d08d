package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestAnErrorIsTheSameOnTheFarSide(t *testing.T) {
	for _, code := range pool.Codes() {
		kind := pool.KindOf(code)
		sent := fmt.Errorf("wrapped: %w", pool.Errorf(kind, "do that", "cannot do this: %s", code))
		text, err := json.Marshal(api.NewProblem(sent))
		if err != nil {
			t.Fatal(err)
		}
		var p api.Problem
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		got := p.Err()
		if !errors.Is(got, kind) || got.Error() != "cannot do this: "+code+"; do that" {
			t.Errorf("%s arrives as %v", code, got)
		}
		if p.Code != code || p.Title != kind.Error() || p.Status < 400 || p.Status > 599 {
			t.Errorf("%s travels as %+v", code, p)
		}
	}
}

func TestAnErrorOfNoKindIsOurs(t *testing.T) {
	p := api.NewProblem(errors.New("boom"))
	if p.Status != http.StatusInternalServerError || p.Code != "internal" || p.Detail != "boom" {
		t.Fatalf("it travels as %+v", p)
	}
	if err := (&api.Problem{Code: "from-the-future", Detail: "cannot do this"}).Err(); !errors.Is(err, pool.ErrInternal) {
		t.Fatalf("an unknown code arrives as %v", err)
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, code := range pool.Codes() {
		status := api.StatusOf(pool.KindOf(code))
		ours := code == "internal" || code == "corrupt"
		if (status == http.StatusInternalServerError) != ours {
			t.Errorf("%s has status %d", code, status)
		}
	}
}
