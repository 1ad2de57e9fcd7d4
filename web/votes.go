package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// choice is one thing that can be said of a place, with how many say so.
type choice struct {
	Vote  crowd.Vote
	Label string
	N     int
	Mine  bool
}

// ballot is what is asked about a place.
type ballot struct {
	Question string
	Choices  []choice
	Notice   string // what became of a vote just cast
	Follows  bool   // who votes first is logged in and follows the place by that
	Refused  bool
}

// errTooOften says how long somebody must wait.
type errTooOften struct{ seconds int }

func (errTooOften) Error() string { return "too often" }

// ask makes the question about a place: after a repair another than before.
func (s *face) ask(ctx context.Context, p sight, who person) (*ballot, error) {
	poll, mine, err := crowd.PollOf(ctx, s.config.Pool, p.ID, who.voter)
	if err != nil {
		return nil, err
	}
	t := s.texts
	b := &ballot{Question: t.T("vote.question")}
	add := func(v crowd.Vote, key string, n int) {
		b.Choices = append(b.Choices, choice{v, t.T(key), n, v == mine})
	}
	if p.Order != nil && (p.Order.State == dispatch.Repaired || p.Order.State == dispatch.Verified) {
		b.Question = t.T("vote.question.repaired")
		add(crowd.Mended, "vote.good", poll.Repaired+poll.Absent)
		add(crowd.Known, "vote.back", poll.Known)
		return b, nil
	}
	add(crowd.Known, "vote.known", poll.Known)
	add(crowd.Absent, "vote.absent", poll.Absent)
	add(crowd.Mended, "vote.repaired", poll.Repaired)
	return b, nil
}

// said puts what people say into a sentence, empty where nobody said anything.
func (s *face) said(p crowd.Poll) string {
	out := ""
	for _, part := range []struct {
		key string
		n   int
	}{{"vote.said.known", p.Known}, {"vote.said.absent", p.Absent}, {"vote.said.repaired", p.Repaired}} {
		if part.n > 0 {
			if out != "" {
				out += " "
			}
			out += s.texts.N(part.key, part.n)
		}
	}
	return out
}

// cast counts a vote of whoever asks, for a place that is public.
func (s *Server) cast(r *http.Request, id string, v crowd.Vote) (*http.Cookie, error) {
	ctx := r.Context()
	if !slices.Contains(crowd.Votes(), v) {
		return nil, badRequest("A vote is one of known, absent, repaired.")
	}
	if _, err := s.findPlace(ctx, id); err != nil {
		return nil, err
	}
	if wait, ok := s.votes.take(s.client(r), s.config.Now()); !ok {
		return nil, errTooOften{int(wait.Seconds()) + 1}
	}
	who, cookie, err := s.whoSpeaks(r)
	if err != nil {
		return nil, err
	}
	err = pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if err := s.followVoted(r, tx, id, who); err != nil {
			return err
		}
		return crowd.Cast(ctx, tx, crowd.Ballot{Place: id, Vote: v, Voter: who.voter, House: who.house, At: s.config.Now()})
	})
	if errors.Is(err, crowd.ErrNotFound) {
		err = errHidden
	}
	return cookie, err
}

// followVoted lets who has an account follow a place with their first vote on it, so that they hear what becomes of it. Who has stopped that
// is not made to follow it again by another vote, as long as it is known whose votes they are: four weeks at most.
func (s *Server) followVoted(r *http.Request, tx pgx.Tx, place string, who person) error {
	ctx := r.Context()
	c, err := callerOf(ctx)
	if err != nil || c == nil || c.key != nil {
		return err
	}
	var before bool
	if err := tx.QueryRow(ctx, `select exists (select from votes where place in (select names_of($1)) and voter = $2)`, place, who.voter).Scan(&before); err != nil || before {
		return err
	}
	language := c.Language
	if language == "" {
		language = s.speak(r).language
	}
	return followIn(ctx, tx, place, c.Email, language, s.config.Now(), true)
}

// refusal says in words why a vote was not counted, false where it is no fault of the voter's.
func (s *face) refusal(err error) (string, bool) {
	var often errTooOften
	switch {
	case errors.Is(err, crowd.ErrVoted):
		return s.texts.T("vote.today"), true
	case errors.Is(err, crowd.ErrHouseFull):
		return s.texts.T("vote.house"), true
	case errors.As(err, &often):
		return s.texts.T("vote.often"), true
	}
	return "", false
}

// votePage takes the form of a place's page or of its panel.
func (s *face) votePage(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		return badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	cookie, err := s.cast(r, id, crowd.Vote(r.PostForm.Get("vote")))
	if text, ok := s.refusal(err); ok {
		return s.showPlace(w, r, id, http.StatusTooManyRequests, func(v *placeView) { v.Ballot.Notice, v.Ballot.Refused = text, true })
	}
	if err != nil {
		return err
	}
	if cookie != nil {
		http.SetCookie(w, cookie)
	}
	http.Redirect(w, r, "/places/"+id+"?voted=1#votes", http.StatusSeeOther)
	return nil
}

// counted votes, as the interface tells them.
type pollBody struct {
	Place string `json:"place"`
	crowd.Poll
	Text string `json:"text" doc:"the same in words"`
}

type pollOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      pollBody
}

type voteInput struct {
	asked
	Spoken
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Vote crowd.Vote `json:"vote" enum:"known,absent,repaired" doc:"known: I know it; absent: it is not there; repaired: it is repaired"`
	}
}

func (s *Server) registerVotes(api huma.API) {
	huma.Register(api, open("get-votes", http.MethodGet, "/places/{id}/votes", "What passers-by say of a place", 308, 404, 503),
		each(s, (*face).apiPoll, func(in *placeInput) Spoken { return in.Spoken }))
	vote := open("cast-vote", http.MethodPost, "/places/{id}/votes", "Say something of a place", 308, 400, 403, 404, 422, 429, 503)
	vote.Description = "No account is needed. People are told apart by a cookie and by their address, of which keyed hashes are kept for four " +
		"weeks at most. Saying something else replaces what was said before; saying the same again changes nothing. Votes are weak evidence: they never decide alone. " +
		"Who is logged in follows the place from their first vote on it."
	huma.Register(api, vote, each(s, (*face).apiVote, func(in *voteInput) Spoken { return in.Spoken }))
}

func (s *face) apiPoll(ctx context.Context, in *placeInput) (*pollOutput, error) {
	out, err := s.poll(ctx, in.ID)
	if err != nil {
		return nil, s.failedPlace(ctx, "/votes", err)
	}
	return out, nil
}

func (s *face) poll(ctx context.Context, id string) (*pollOutput, error) {
	if _, err := s.findPlace(ctx, id); err != nil {
		return nil, err
	}
	p, _, err := crowd.PollOf(ctx, s.config.Pool, id, nil)
	if err != nil {
		return nil, err
	}
	return &pollOutput{Body: pollBody{id, p, s.said(p)}}, nil
}

func (s *face) apiVote(ctx context.Context, in *voteInput) (*pollOutput, error) {
	if err := s.origins.Check(in.request); err != nil {
		return nil, huma.Error403Forbidden("Another site's page may not vote for its visitors.")
	}
	cookie, err := s.cast(in.request, in.ID, in.Body.Vote)
	if text, ok := s.refusal(err); ok {
		wait := 24 * 60 * 60
		var often errTooOften
		if errors.As(err, &often) {
			wait = often.seconds
		}
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests(text), http.Header{"Retry-After": {strconv.Itoa(wait)}})
	}
	if err != nil {
		return nil, s.failedPlace(ctx, "/votes", err)
	}
	out, err := s.poll(ctx, in.ID)
	if err != nil {
		return nil, s.failedPlace(ctx, "/votes", err)
	}
	if cookie != nil {
		out.SetCookie = cookie.String()
	}
	return out, nil
}
