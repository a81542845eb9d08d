package server

import (
	"cmp"
	"net/http"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// verbs answer with a value. streams write their answer themselves, once they
// return no error. Together they are every operation of the route table.
var (
	verbs = map[api.Operation]func(*Server, *request) (any, error){
		api.OpGetVersion:     (*Server).getVersion,
		api.OpGetHealth:      (*Server).getHealth,
		api.OpReload:         (*Server).reload,
		api.OpListPools:      (*Server).listPools,
		api.OpCreatePool:     (*Server).createPool,
		api.OpGetPool:        (*Server).getPool,
		api.OpPutPool:        (*Server).putPool,
		api.OpPatchPool:      (*Server).patchPool,
		api.OpDeletePool:     (*Server).deletePool,
		api.OpResetPool:      (*Server).resetPool,
		api.OpRefillPool:     (*Server).refillPool,
		api.OpListPoolLeases: (*Server).listLeases,
		api.OpListLeases:     (*Server).listLeases,
		api.OpGetLease:       (*Server).getLease,
		api.OpRenewLease:     (*Server).renewLease,
		api.OpReleaseLease:   (*Server).releaseLease,
		api.OpHoldLease:      (*Server).holdLease,
		api.OpEndHold:        (*Server).endHold,
		api.OpMove:           (*Server).move,
		api.OpPower:          (*Server).power,
		api.OpListSnapshots:  (*Server).listSnapshots,
		api.OpCreateSnapshot: (*Server).createSnapshot,
		api.OpRestore:        (*Server).restoreSnapshot,
		api.OpDeleteSnapshot: (*Server).deleteSnapshot,
		api.OpGetInfo:        (*Server).getInfo,
		api.OpDeleteFile:     (*Server).deleteFile,
		api.OpListFiles:      (*Server).listFiles,
		api.OpListInstances:  (*Server).listInstances,
		api.OpListRemotes:    (*Server).listRemotes,
		api.OpAddRemote:      (*Server).addRemote,
		api.OpGetRemote:      (*Server).getRemote,
		api.OpPatchRemote:    (*Server).patchRemote,
		api.OpRemoveRemote:   (*Server).removeRemote,
		api.OpDetach:         (*Server).detach,
		api.OpListCommands:   (*Server).listCommands,
		api.OpGetCommand:     (*Server).getCommand,
		api.OpSignalCommand:  (*Server).signalCommand,
		api.OpDeleteCommand:  (*Server).deleteCommand,
		api.OpWhyAll:         (*Server).whyAll,
		api.OpWhy:            (*Server).why,

		api.OpListProfiles:  (*Server).listProfiles,
		api.OpCreateProfile: (*Server).createProfile,
		api.OpGetProfile:    (*Server).getProfile,
		api.OpPutProfile:    (*Server).putProfile,
		api.OpPatchProfile:  (*Server).patchProfile,
		api.OpDeleteProfile: (*Server).deleteProfile,
		api.OpWhyLease:      (*Server).whyLease,

		api.OpListImages:       (*Server).listImages,
		api.OpCopyImage:        (*Server).copyImage,
		api.OpImportImage:      (*Server).importImage,
		api.OpPublishInstance:  (*Server).publishInstance,
		api.OpGetImage:         (*Server).getImage,
		api.OpPatchImage:       (*Server).patchImage,
		api.OpDeleteImage:      (*Server).deleteImage,
		api.OpRefreshImage:     (*Server).refreshImage,
		api.OpListImageAliases: (*Server).listImageAliases,
		api.OpCreateImageAlias: (*Server).createImageAlias,
		api.OpDeleteImageAlias: (*Server).deleteImageAlias,
		api.OpPublish:          (*Server).publish,
		api.OpListProjects:     (*Server).listProjects,
		api.OpInitProject:      (*Server).initProject,
		api.OpGetProject:       (*Server).getProject,
		api.OpDeleteProject:    (*Server).deleteProject,
		api.OpListTokens:       (*Server).listTokens,
		api.OpCreateToken:      (*Server).createToken,
		api.OpGetToken:         (*Server).getToken,
		api.OpRevokeToken:      (*Server).revokeToken,
	}
	streams = map[api.Operation]func(*Server, *request) error{
		api.OpAcquire:    (*Server).acquire,
		api.OpGetOpenAPI: (*Server).getOpenAPI,
		api.OpGetMetrics: (*Server).getMetrics,
		api.OpOutput:     (*Server).output,
		api.OpExec:       (*Server).exec,
		api.OpPullFile:   (*Server).pullFile,
		api.OpPushFile:   (*Server).pushFile,
		api.OpPullTree:   (*Server).pullTree,
		api.OpPushTree:   (*Server).pushTree,
		api.OpForkLease:  (*Server).forkLease,
		api.OpGetLog:     (*Server).getLog,
		api.OpGetConsole: (*Server).getConsole,
		api.OpEvents:     (*Server).events,

		api.OpExportImage: (*Server).exportImage,
	}
)

// handle returns the handler of one route.
func (s *Server) handle(route *api.Route) http.Handler {
	verb, stream := verbs[route.Operation], streams[route.Operation]
	if (verb == nil) == (stream == nil) {
		panic("not one handler for " + string(route.Operation))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w, caller: callerOf(hr.Context()), token: bearer(hr.Header.Get("Authorization"))}
		done, err := s.identify(r)
		defer done()
		if err == nil {
			err = s.admit(route, r)
		}
		var answer any
		switch {
		case err != nil:
		case stream != nil:
			err = stream(s, r)
		case wantsProgress(route, r):
			t := withProgress(r)
			if answer, err = verb(s, r); t.end(answer, err) {
				return
			}
		default:
			answer, err = verb(s, r)
		}
		switch {
		case err != nil:
			s.fail(r, err)
		case stream == nil:
			s.reply(r, route, answer)
		}
	})
}

// serve is where every request comes in.
func (s *Server) serve(w http.ResponseWriter, hr *http.Request) {
	start := time.Now()
	seen := &statusWriter{ResponseWriter: w}
	if hr.Body != http.NoBody {
		// Until it is decoded; also for one that no handler wants, since the
		// rest of it is read after the answer.
		http.NewResponseController(w).SetReadDeadline(start.Add(bodyTimeout))
	}
	if _, pattern := s.mux.Handler(hr); pattern == "" {
		s.refuse(seen, hr)
	} else {
		s.mux.ServeHTTP(seen, hr)
	}
	s.log.Debug("request", "method", hr.Method, "path", hr.URL.Path, "status", seen.status,
		"duration", time.Since(start), "identity", cmp.Or(seen.identity, callerOf(hr.Context()).Identity))
}

// refuse answers what no route is for, in the words that the mux finds: not
// found, or another method.
func (s *Server) refuse(w http.ResponseWriter, hr *http.Request) {
	found := &statusWriter{ResponseWriter: mute{w}}
	s.mux.ServeHTTP(found, hr)
	err := wrong{found.status, pool.Invalidf("the paths are in /1.0/openapi.json", "cannot find %s: there is no such path", hr.URL.Path)}
	if found.status == http.StatusMethodNotAllowed {
		err.error = pool.Invalidf("use "+w.Header().Get("Allow"), "cannot %s %s: it has no such method", hr.Method, hr.URL.Path)
	}
	s.fail(&request{Request: hr, w: w}, err)
}
