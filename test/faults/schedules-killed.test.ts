/** A thousand jobs in one second over real processes, one of them killed; and heartbeats over all of them. */
import { schedulesKilledTests } from './scenarios/schedules-killed-suite.ts'

schedulesKilledTests({ jobs: 1_000, heartbeats: 60 }, (figures) => console.error(figures), 900_000)
