// Driver for npm clients: `node with_node.js aws-sdk v2|v4` and `node with_node.js aws2 GET|POST`.
// The protocol is described in lines.py. Packages are found through NODE_PATH.
'use strict'

const http = require('http')
const readline = require('readline')

const [, , FAMILY, VARIANT] = process.argv
const REGION = 'us-east-1'

function sdkClient(AWS, access) {
  return new AWS.ImportExport({
    endpoint: access.endpoint,
    region: REGION,
    accessKeyId: access.access_key_id,
    secretAccessKey: access.secret_access_key,
    ...(VARIANT === 'v4' ? { signatureVersion: 'v4' } : {}),
  })
}

const refusal = (error) =>
  ({ error: { class: error.name, code: error.code ?? null, message: error.message } })

// Times as the wire has them; JSON would add milliseconds.
const plain = (result) =>
  JSON.parse(JSON.stringify(result), (_, value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:]{8}\.000Z$/.test(value)
      ? value.replace('.000Z', 'Z') : value)

function awsSdk() {
  process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1'
  const AWS = require('aws-sdk')
  const clients = new Map()
  return async (request) => {
    const id = JSON.stringify(request.access)
    if (!clients.has(id)) clients.set(id, sdkClient(AWS, request.access))
    const client = clients.get(id)
    if (request.page_size) return { result: await allPages(client, request.page_size) }
    const method = request.action[0].toLowerCase() + request.action.slice(1)
    return { result: plain(await client[method](request.params).promise()) }
  }
}

function allPages(client, size) {
  return new Promise((resolve, reject) => {
    const seen = { Pages: [], Jobs: [] }
    client.listJobs({ MaxJobs: size }).eachPage((error, page) => {
      if (error) return reject(error)
      if (page === null) return resolve(plain(seen))
      seen.Pages.push(page.Jobs.length)
      seen.Jobs.push(...page.Jobs)
      return true
    })
  })
}

function form(request) {
  const pairs = [['Action', request.action], ['Version', '2010-06-01']]
  for (const [name, value] of Object.entries(request.params)) {
    if (Array.isArray(value)) value.forEach((v, n) => pairs.push([`${name}.member.${n + 1}`, v]))
    else pairs.push([name, String(value)])
  }
  return pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')
}

function aws2() {
  const signer = require('aws2')
  return (request) => new Promise((resolve, reject) => {
    const { access } = request
    const at = new URL(access.endpoint)
    const options = { service: 'importexport', hostname: at.hostname, port: at.port }
    if (VARIANT === 'GET') options.path = '/?' + form(request)
    else Object.assign(options, { method: 'POST', path: '/', body: form(request) })
    signer.sign(options, {
      accessKeyId: access.access_key_id, secretAccessKey: access.secret_access_key,
    })
    const sent = http.request(options, (answer) => {
      const pieces = []
      answer.on('data', (piece) => pieces.push(piece))
      answer.on('end', () => resolve({ xml: Buffer.concat(pieces).toString('utf8') }))
    })
    sent.on('error', reject)
    sent.end(options.body)
  })
}

const call = FAMILY === 'aws-sdk' ? awsSdk() : aws2()

async function serve() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const answer = await call(JSON.parse(line)).catch(refusal)
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}

serve()
