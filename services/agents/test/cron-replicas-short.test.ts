/** The short form of test/faults/cron-replicas.test.ts. */
import { cronReplicaTests } from '../../../test/faults/scenarios/cron-replicas-suite.ts'

cronReplicaTests(150)
