# Tessera in a container: built in one stage, run by another as a user without rights.
FROM node:24-bookworm-slim AS build
WORKDIR /app
ENV SKIP_FFMPEG=true
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
COPY client ./client
COPY scripts ./scripts
COPY LICENSE ./
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
WORKDIR /app
# On other addresses than loopback the server needs TESSERA_AUTH_KEYS (`tessera key` makes one).
ENV NODE_ENV=production TESSERA_HOST=0.0.0.0 TESSERA_DATA_DIR=/data
RUN mkdir /data && chown node:node /data
VOLUME /data
COPY --from=build --chown=node:node /app/package.json ./
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
USER node
# 8080/tcp is the page and signalling; media uses UDP ports (TESSERA_ICE_PORT_RANGE).
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "dist/server/main.js"]
CMD ["serve"]
