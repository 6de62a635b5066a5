// The session of bench peers, for k6: create, connect, search, five messages
// each way, drop. TARGET, GUESTS and SECONDS come from the environment.
import http from 'k6/http';
import ws from 'k6/ws';

export const options = { vus: Number(__ENV.GUESTS), duration: `${__ENV.SECONDS}s`, gracefulStop: '5s' };

const text = '0123456789abcdef'.repeat(4);
const said = 5;

export default function () {
  const created = http.post(`${__ENV.TARGET}/api/guest`);
  const token = created.json('data.token');
  const url = `${__ENV.TARGET.replace('http', 'ws')}/ws`;
  ws.connect(url, { headers: { Authorization: `Bearer ${token}` } }, (socket) => {
    let acked = 0, heard = 0, leaving = false;
    const say = (event, data) => socket.send(JSON.stringify({ event, data }));
    socket.on('message', (raw) => {
      const { event } = JSON.parse(raw);
      switch (event) {
        case 'connection:established':
          say('user:match');
          break;
        case 'user:matched':
          for (let i = 0; i < said; i++) say('chat:message', { type: 'text', content: text });
          break;
        case 'chat:message:sent':
          acked++;
          break;
        case 'chat:message':
          heard++;
          break;
        case 'chat:clear:confirmed':
        case 'chat:cleared':
        case 'room:closed':
          socket.close();
          break;
      }
      if (acked === said && heard === said && !leaving) {
        leaving = true;
        say('chat:clear');
      }
    });
  });
}

export function handleSummary(data) {
  return { stdout: JSON.stringify({ sessions: data.metrics.iterations.values.count }) };
}
