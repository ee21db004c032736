# Driver for aws-sdk 1.x of Ruby. The protocol is described in lines.py.
require 'json'
require 'time'
require 'uri'
require 'aws-sdk-v1'

$stdout.sync = true
CLIENTS = {}

def client(access)
  CLIENTS[access] ||= begin
    at = URI(access['endpoint'])
    AWS::ImportExport.new(
      access_key_id: access['access_key_id'],
      secret_access_key: access['secret_access_key'],
      import_export_endpoint: at.host,
      import_export_port: at.port,
      use_ssl: false
    ).client
  end
end

def snake(name)
  name.gsub(/(?<=[a-z])(?=[A-Z])/, '_').downcase.to_sym
end

# The client gives symbols in snake case; the wire has these words in capitals.
def wire(name)
  { url: 'URL', member: 'member' }.fetch(name) { name.to_s.split('_').map(&:capitalize).join }
end

def plain(value)
  case value
  # Lists that the client's model does not know, such as ArtifactList.
  when ->(it) { it.is_a?(Hash) && it.keys == [:member] } then [value[:member]].flatten.map { |item| plain(item) }
  when Hash then value.to_h { |name, item| [wire(name), plain(item)] }
  when Array then value.map { |item| plain(item) }
  when Time, DateTime then value.to_time.utc.strftime('%Y-%m-%dT%H:%M:%SZ')
  else value
  end
end

def call(request)
  params = request['params'].to_h { |name, value| [snake(name), value] }
  answer = client(request['access']).public_send(snake(request['action']), params)
  { result: plain(answer.data.reject { |name, _| name == :response_metadata }) }
rescue AWS::Errors::Base => error
  { error: { class: error.class.name, code: error.code, message: error.message } }
rescue StandardError => error
  { error: { class: error.class.name, code: nil, message: error.message } }
end

$stdin.each_line { |line| puts JSON.generate(call(JSON.parse(line))) }
