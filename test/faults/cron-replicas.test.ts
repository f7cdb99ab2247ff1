/** A thousand jobs in one second, and a replica that dies among them. */
import { cronReplicaTests } from './scenarios/cron-replicas-suite.ts'

cronReplicaTests(1_000)
