package httpd

import (
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"guestload/server/api"
	"guestload/server/realtime"
)

// routeID names a route in metrics, aliases under the name of the first.
type routeID int

const (
	routeNone routeID = iota
	routeGuest
	routeUsername
	routeMe
	routeFetch
	routeLocation
	routeToken
	routeOnline
	routeAvailable
	routeConnected
	routeUserStats
	routeDevice
	routeStats
	routeStatsOnline
	routeSockets
	routeHealth
	routeReady
	routeMetrics
	routeOpenAPI
	routeAsyncAPI
	routeJSON
	routeSocketIO
	routeCount
)

var routeNames = [routeCount]string{
	"unknown", "/api/guest", "/api/guest/username", "/api/guest/me", "/api/guest/{sessionId}",
	"/api/guest/location", "/api/guest/token", "/api/users/online", "/api/users/available",
	"/api/users/connected/{userId}", "/api/users/stats", "/api/users/device", "/api/stats",
	"/api/stats/online-users", "/api/socket/stats", "/health", "/ready", "/metrics", "/openapi.yaml", "/asyncapi.yaml",
	"/ws", "/socket.io/",
}

// Metrics are what /metrics tells. Counters are looked up once, here, so that
// counting on a hot path is one atomic addition.
type Metrics struct {
	registry *prometheus.Registry
	requests [routeCount][6]prometheus.Counter // by class: 1xx to 5xx; 0 is not used
	events   map[string]prometheus.Counter
	strange  prometheus.Counter // events with a name that nobody knows
	waits    prometheus.Histogram
}

// garbageMetrics are those of Go's runtime that tell what collecting garbage
// takes of all CPU. How long it stops everybody is in guestload_garbage_stop_seconds.
var garbageMetrics = regexp.MustCompile(`^/cpu/classes/(gc/total|gc/mark/idle|idle|total):cpu-seconds$`)

// NewMetrics makes a registry of its own, with the process and the Go runtime in it.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), events: make(map[string]prometheus.Counter)}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "guestload_http_requests_total", Help: "Answered requests by route and class of status.",
	}, []string{"route", "class"})
	for r := range routeCount {
		for class, name := range [...]string{1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"} {
			if class > 0 {
				m.requests[r][class] = requests.WithLabelValues(routeNames[r], name)
			}
		}
	}
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "guestload_events_received_total", Help: "Events from guests by name.",
	}, []string{"event"})
	for _, name := range []string{
		api.EventMatch, api.EventMatchCancel, api.EventChatMessage, api.EventTypingStart, api.EventTypingStop,
		api.EventChatClear, api.EventLeaveRoom, api.EventCloseRoom, api.EventGetStats, api.EventOffer,
		api.EventAnswer, api.EventICECandidate, api.EventCallEnd, api.EventCallReject, api.EventCallTimeout,
	} {
		m.events[name] = events.WithLabelValues(name)
	}
	m.strange = events.WithLabelValues("unknown")
	m.waits = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "guestload_match_wait_seconds", Help: "How long guests searched until they were matched.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
	})
	m.registry.MustRegister(requests, events, m.waits, newStops(),
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: garbageMetrics})), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Matched notes how long a guest has waited for a match. It is realtime's OnMatch.
func (m *Metrics) Matched(wait time.Duration) { m.waits.Observe(wait.Seconds()) }

func (m *Metrics) request(r routeID, status int) {
	if class := status / 100; class >= 1 && class <= 5 {
		m.requests[r][class].Inc()
	}
}

func (m *Metrics) event(name string) {
	if c, ok := m.events[name]; ok {
		c.Inc()
		return
	}
	m.strange.Inc()
}

// WatchRedis adds the counters of the commands to Redis, and of its client-side cache.
func (m *Metrics) WatchRedis(sent, hits, misses, invalidations func() int64) {
	for _, c := range []struct {
		name, help string
		read       func() int64
	}{
		{"guestload_redis_commands_sent_total", "Commands sent to Redis, a script being one.", sent},
		{"guestload_cache_hits_total", "Reads of sessions that sent no command to Redis.", hits},
		{"guestload_cache_misses_total", "Reads of sessions that asked Redis.", misses},
		{"guestload_cache_invalidations_total", "Copies of sessions that Redis told us to drop.", invalidations},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help},
			func() float64 { return float64(c.read()) }))
	}
}

// WatchDebts adds what the storage could not tell Redis: sessions that it has yet
// to be told of, and messages to other instances that did not arrive.
func (m *Metrics) WatchDebts(owed, lost func() int64) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "guestload_storage_owed_sessions",
			Help: "Sessions that have changed here and that Redis has yet to be told of."},
			func() float64 { return float64(owed()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "guestload_instance_messages_lost_total",
			Help: "Messages to other instances that could not be sent, or that nobody heard."},
			func() float64 { return float64(lost()) }))
}

// watch adds what is read from others when somebody asks.
func (m *Metrics) watch(node *realtime.Node, storage Storage, sockets func() int) {
	m.registry.MustRegister(&reader{node: node, storage: storage, sockets: sockets})
}

// watchRefusals adds what happens to connections before they become requests.
func (m *Metrics) watchRefusals(r *refusals) {
	const refused = "Connections refused: address, because of its limit; full, because all places or files were taken."
	for reason := range refusalCount {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "guestload_connections_refused_total",
			Help: refused, ConstLabels: prometheus.Labels{"reason": refusalNames[reason]}},
			func() float64 { return float64(r.counts[reason].Load()) }))
	}
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "guestload_connections_shed_total",
		Help: "Connections closed because they kept the server waiting while few places were left."},
		func() float64 { return float64(r.shed.Load()) }))
}

// handler is GET /metrics.
func (m *Metrics) handler() handler {
	serve := fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return func(ctx *fasthttp.RequestCtx, _ []byte) { serve(ctx) }
}

// reader collects the node's numbers, all of one moment.
type reader struct {
	node    *realtime.Node
	storage Storage
	sockets func() int
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("guestload_"+name, help, labels, nil)
}

var (
	descConns    = describe("connections", "WebSocket connections open, those included that have not said whose they are.")
	descSockets  = describe("sockets", "Sockets of guests open on this instance.")
	descGuests   = describe("guests", "Guests connected to this instance.")
	descRooms    = describe("rooms", "Chats with a guest on this instance.")
	descSearch   = describe("searching", "Guests of this instance who search.")
	descRelayed  = describe("messages_relayed_total", "Chat messages relayed.")
	descDrops    = describe("queue_drops_total", "Sockets closed because they read too slowly.")
	descLost     = describe("sockets_lost_total", "Sockets closed because nothing was heard of them.")
	descStorage  = describe("storage_state", "1 for the state that the storage is in.", "state")
	descriptions = []*prometheus.Desc{descConns, descSockets, descGuests, descRooms, descSearch, descRelayed, descDrops, descLost, descStorage}
)

func (r *reader) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		out <- d
	}
}

func (r *reader) Collect(out chan<- prometheus.Metric) {
	c := r.node.Counts()
	gauge := func(d *prometheus.Desc, v int64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	counter := func(d *prometheus.Desc, v int64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	gauge(descConns, int64(r.sockets()))
	gauge(descSockets, c.Sockets)
	gauge(descGuests, c.Guests)
	gauge(descRooms, c.Rooms)
	gauge(descSearch, c.Searching)
	counter(descRelayed, c.Relayed)
	counter(descDrops, c.QueueDrops)
	counter(descLost, c.Lost)
	now := r.storage.State()
	for _, state := range []string{"memory", "redis", "fallback", "recovering"} {
		v := 0.0
		if state == now {
			v = 1
		}
		out <- prometheus.MustNewConstMetric(descStorage, prometheus.GaugeValue, v, state)
	}
}
