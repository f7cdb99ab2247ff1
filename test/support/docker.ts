/** Whether a Docker engine answers, asked without any client library. */
import { request } from 'node:http'

const answerLimitMs = 1000

/** Asks the engine named by DOCKER_HOST, else the local one; false within a second when none answers. */
export function isDockerRunning(
  dockerHost = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock',
): Promise<boolean> {
  return new Promise((resolve) => {
    const url = new URL(dockerHost)
    const target =
      url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || 2375 }
    const probe = request({ ...target, path: '/_ping', timeout: answerLimitMs }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    probe.once('timeout', () => probe.destroy())
    probe.once('error', () => resolve(false))
    probe.end()
  })
}
