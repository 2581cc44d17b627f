package serve

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what /metrics shows.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    prometheus.Histogram
	device     prometheus.Histogram
	batch      prometheus.Histogram
	dropped    prometheus.Counter
	ready      prometheus.Gauge
	unanswered prometheus.Gauge
}

func newMetrics() *metrics {
	times := prometheus.ExponentialBuckets(.005, 2, 14) // 5 ms to 41 s
	m := &metrics{registry: prometheus.NewRegistry(),
		requests:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "eomt_requests_total", Help: "Requests by route and status."}, []string{"route", "code"}),
		seconds:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "eomt_segment_seconds", Help: "Time from a request's last byte to its answer.", Buckets: times}),
		device:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "eomt_device_seconds", Help: "Time of a batch on the device.", Buckets: times}),
		batch:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "eomt_batch_inputs", Help: "Inputs in a batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 8)}),
		dropped:    prometheus.NewCounter(prometheus.CounterOpts{Name: "eomt_dropped_total", Help: "Inputs that did not run because their client had gone."}),
		ready:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "eomt_ready", Help: "1 if the network runs."}),
		unanswered: prometheus.NewGauge(prometheus.GaugeOpts{Name: "eomt_unanswered", Help: "Accepted requests that are not answered yet."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.device, m.batch, m.dropped, m.ready, m.unanswered,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
