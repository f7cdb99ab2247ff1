import type { Labelled } from './types.ts'

export const code: readonly Labelled[] = [
  {
    path: 'code/parse-duration',
    text: 'export function parseDuration(text: string): number {\n  const match = /^(\\d+)(ms|s|m|h)$/.exec(text)\n  if (match === null) throw new RangeError(`not a duration: ${text}`)\n  return Number(match[1]) * unitMs[match[2]]\n}',
    questions: [
      'parseDuration',
      'where do we parse durations like 5m or 10s',
      'parse duration',
      'RangeError not a duration',
      'unitMs',
    ],
    inOtherWords: ['convert a time span string to milliseconds'],
  },
  {
    path: 'code/retry',
    text: 'async function withRetries<T>(attempts: number, work: () => Promise<T>): Promise<T> {\n  for (let attempt = 1; ; attempt++)\n    try {\n      return await work()\n    } catch (err) {\n      if (attempt >= attempts) throw err\n      await sleep(2 ** attempt * 100 * Math.random())\n    }\n}',
    questions: [
      'withRetries',
      'function that tries again after a failure',
      'with retries attempts',
      'retry with exponential backoff',
      'how long do we sleep between attempts',
    ],
    inOtherWords: ['resilience helper for flaky operations'],
  },
  {
    path: 'code/users-sql',
    text: 'CREATE TABLE app_users (\n  id uuid PRIMARY KEY,\n  email text NOT NULL UNIQUE,\n  disabled_at timestamptz\n);\nCREATE INDEX app_users_active ON app_users (email) WHERE disabled_at IS NULL;',
    questions: [
      'app_users table',
      'which index is on active users',
      'disabled_at',
      'schema of the user accounts table',
      'unique email column',
    ],
    inOtherWords: ['where are accounts stored'],
  },
  {
    path: 'code/http-client',
    text: 'class HttpClient:\n    def __init__(self, base_url, timeout_seconds=10):\n        self.session = requests.Session()\n        self.session.headers["User-Agent"] = "warehouse/2"\n\n    def get_json(self, path):\n        response = self.session.get(self.base_url + path, timeout=self.timeout_seconds)\n        response.raise_for_status()\n        return response.json()',
    questions: [
      'HttpClient timeout default',
      'get_json',
      'python class that fetches JSON over http',
      'which user agent do we send',
      'raise_for_status',
    ],
    inOtherWords: ['library used for web calls in the warehouse script'],
  },
  {
    path: 'code/dockerfile',
    text: 'FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tini\nCOPY --chown=1000:1000 dist /srv/app\nUSER 1000\nENTRYPOINT ["tini", "--", "/srv/app/server"]',
    questions: [
      'which base image do we use in docker',
      'tini entrypoint',
      'does the container run as root',
      'Dockerfile',
      'ca-certificates install',
    ],
    inOtherWords: ['how is the image built'],
  },
  {
    path: 'code/nginx',
    text: 'server {\n  listen 443 ssl http2;\n  client_max_body_size 25m;\n  location /api/ {\n    proxy_pass http://backend:8080;\n    proxy_read_timeout 75s;\n  }\n}',
    questions: [
      'client_max_body_size',
      'how large may an upload be in nginx',
      'proxy_read_timeout of the api',
      'reverse proxy configuration',
      'which port does the backend listen on',
    ],
    inOtherWords: ['web server settings for file size'],
  },
  {
    path: 'code/lru',
    text: 'type LRU struct {\n\tcapacity int\n\titems map[string]*list.Element\n\torder *list.List\n}\n\nfunc (c *LRU) evictOldest() {\n\tif last := c.order.Back(); last != nil {\n\t\tdelete(c.items, last.Value.(*entry).key)\n\t\tc.order.Remove(last)\n\t}\n}',
    questions: [
      'evictOldest',
      'evict oldest',
      'go cache implementation',
      'how are old entries removed from the cache',
      'LRU capacity',
    ],
    inOtherWords: ['memoisation with bounded memory'],
  },
  {
    path: 'code/token-check',
    text: 'fn verify_token(token: &str, key: &DecodingKey) -> Result<Claims, AuthError> {\n    let data = decode::<Claims>(token, key, &Validation::new(Algorithm::ES256))?;\n    if data.claims.exp < now() { return Err(AuthError::Expired) }\n    Ok(data.claims)\n}',
    questions: [
      'verify_token',
      'AuthError Expired',
      'rust function that checks a jwt',
      'which algorithm signs our tokens',
      'verify token claims',
    ],
    inOtherWords: ['how is a login session validated'],
  },
  {
    path: 'code/deploy-sh',
    text: '#!/usr/bin/env bash\nset -euo pipefail\nkubectl set image deployment/web web="registry.internal/web:$1"\nkubectl rollout status deployment/web --timeout=120s || kubectl rollout undo deployment/web',
    questions: [
      'kubectl rollout undo',
      'script that deploys the web app',
      'what happens when a rollout fails',
      'registry.internal',
      'how do we deploy to kubernetes',
    ],
    inOtherWords: ['how do we ship a new version to the cluster'],
  },
  {
    path: 'code/feature-flags',
    text: '{\n  "newCheckout": { "enabled": true, "percent": 25 },\n  "darkMode": { "enabled": false },\n  "exportWorkers": { "enabled": true, "percent": 100, "owners": ["data-platform"] }\n}',
    questions: [
      'newCheckout percent',
      'is dark mode enabled',
      'which feature flags are on',
      'export workers owners',
      'how many users see the new checkout',
    ],
    inOtherWords: ['gradual launch of the payment page'],
  },
]
