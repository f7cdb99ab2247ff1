/** What a child process may know of ours. Nothing else of our environment reaches it: secrets stand there. */

const inherited = ['PATH', 'HOME', 'LANG', 'TZ', 'USER', 'TMPDIR', 'PYTHONPATH', 'NPM_CONFIG_PREFIX', 'NODE_PATH']
/** Where the certificates are that the network's own proxy is signed with: files, and no secrets. */
const certificates = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE']
const inheritedPrefixes = ['LC_', 'PIP_']
/** An index with a password in its address is a secret, whatever it is called. */
const withCredentials = /:\/\/[^/\s]{0,500}@/

const passed = (from: NodeJS.ProcessEnv, passes: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(from).flatMap(([name, value]) =>
      value !== undefined && passes(name) && !withCredentials.test(value) ? [[name, value]] : [],
    ),
  )

/** Variables of our environment that say where certificates are. */
export const certificateVariables = (from: NodeJS.ProcessEnv = process.env): Record<string, string> =>
  passed(from, (name) => certificates.includes(name))

export const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The environment of a child: a few harmless variables of ours, then `extra`, which wins.
 * @param from our own environment
 */
export const childEnvironment = (
  extra: Readonly<Record<string, string>> = {},
  from: NodeJS.ProcessEnv = process.env,
): Record<string, string> => {
  const kept = passed(
    from,
    (name) =>
      [...inherited, ...certificates].includes(name) || inheritedPrefixes.some((prefix) => name.startsWith(prefix)),
  )
  return { PATH: standardPath, LANG: 'C.UTF-8', ...kept, ...extra }
}
