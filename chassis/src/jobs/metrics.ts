/** Jobs, for Prometheus. */
import { Counter, Gauge, Histogram } from 'prom-client'
import { metricsRegistry } from '../lifecycle/probes.ts'

const registers = [metricsRegistry]

/** `outcome`: done, again (asked for later), failed (tried again), dead or handed back (the process left). */
export const jobAttempts = new Counter({
  name: 'clawmesh_job_attempts_total',
  help: 'Attempts at background jobs, by how they ended',
  labelNames: ['service', 'job', 'outcome'] as const,
  registers,
})
export const jobSeconds = new Histogram({
  name: 'clawmesh_job_seconds',
  help: 'How long attempts at background jobs took',
  labelNames: ['service', 'job'] as const,
  buckets: [0.05, 0.25, 1, 5, 15, 60, 180],
  registers,
})
export const waitingJobs = new Gauge({
  name: 'clawmesh_jobs_waiting',
  help: 'Background jobs that wait or are worked on, as last counted',
  labelNames: ['service', 'job'] as const,
  registers,
})
export const deadJobs = new Gauge({
  name: 'clawmesh_jobs_dead',
  help: 'Background jobs that failed too often, as last counted',
  labelNames: ['service', 'job'] as const,
  registers,
})
