package lxdbackend

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestAFlightIsSharedAndSurvivesWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights[string, int]
		made, land := 0, make(chan struct{})
		making := func(ctx context.Context) (int, error) {
			made++
			select {
			case <-land:
				return 42, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		impatient, leave := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan int, 1)
		go func() {
			_, err := f.do(impatient, "a", making)
			first <- err
		}()
		synctest.Wait()
		go func() {
			value, _ := f.do(t.Context(), "a", making)
			second <- value
		}()
		synctest.Wait()
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(land)
		if value := <-second; value != 42 || made != 1 {
			t.Errorf("who stayed got %d, of %d makings", value, made)
		}
	})
}

func TestAFlightThatNobodyWaitsForEndsAndTheNextIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights[string, int]
		ended := make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		go f.do(ctx, "a", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			close(ended)
			return 1, ctx.Err()
		})
		synctest.Wait()
		leave()
		<-ended
		value, err := f.do(t.Context(), "a", func(context.Context) (int, error) { return 2, nil })
		if value != 2 || err != nil {
			t.Errorf("got %d, %v", value, err)
		}
	})
}
