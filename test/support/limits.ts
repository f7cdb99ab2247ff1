/** How long tests wait, and how much work they allow. */

/** Deadlines in tests are for hangs alone: nothing that works comes near this one, however busy the machine is. */
export const hangLimitMs = 120_000

/** For processes under test: what they wait for each other is for hangs too, but where a test says otherwise. */
export const patientEnv = {
  CLAWMESH_RPC_TIMEOUT_MS: String(hangLimitMs),
  CLAWMESH_PROVIDER_CONNECT_TIMEOUT_MS: String(hangLimitMs),
}

/**
 * For servers in a test's own process, whose event loop may stand still for seconds: a connection that is closed for its age
 * just as a request leaves on it fails that request.
 */
export const keptConnections = { keepAliveTimeout: 600_000 }
