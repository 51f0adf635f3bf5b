PRAGMA application_id=1397443664;
BEGIN TRANSACTION;
CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        entry TEXT NOT NULL,
        hash TEXT NOT NULL,
        mac TEXT NOT NULL,
        skill TEXT
    ) STRICT;
INSERT INTO "audit" VALUES(1,'{"seq": 1, "previous": "0000000000000000000000000000000000000000000000000000000000000000", "at": "2026-11-23T00:51:30.995Z", "event": "digested", "skill": null, "detail": {"session": "s0", "end": 100, "digest": "d0"}}','893cd5800486d0289f41548d2d5cdd3641077a1c08f3fe7c03767c122ac74d64','dbac5b19da5387a76e481be8df1e519986393a86b7054157c7159f7fb2b6640e',NULL);
INSERT INTO "audit" VALUES(2,'{"seq": 2, "previous": "893cd5800486d0289f41548d2d5cdd3641077a1c08f3fe7c03767c122ac74d64", "at": "2026-11-23T00:51:31.049Z", "event": "proposal", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p0", "state": "queued", "reason": "ask", "by": "auto", "sha": "d960da395eb21e35a23f6227aa52192516ef07dce15cd15e4266438f645b5afe"}}','00e391445a496ea61140f13ba0eb6a6a02dcd0a4577034e603fbfcf873ded02d','ffa83286b26fe6d21841b41f0aa50d0d4ff76b1f15a99d61aeabe62ca9b86dd6','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(3,'{"seq": 3, "previous": "00e391445a496ea61140f13ba0eb6a6a02dcd0a4577034e603fbfcf873ded02d", "at": "2026-11-23T00:51:31.096Z", "event": "digested", "skill": null, "detail": {"session": "s1", "end": 101, "digest": "d1"}}','903337550a91e4539644cb6c7e2db24d1808731ea2c6bfcfd2e491d5cc46c823','6ec8d7d071e6d9b384a3269728efb7225dd7a49379694ecb05a532466852cc88',NULL);
INSERT INTO "audit" VALUES(4,'{"seq": 4, "previous": "903337550a91e4539644cb6c7e2db24d1808731ea2c6bfcfd2e491d5cc46c823", "at": "2026-11-23T00:51:31.144Z", "event": "proposal", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p1", "state": "queued", "reason": "ask", "by": "auto", "sha": "5eddeeb8b1205dcfebcd912ab99a36593e017fcbf3bc296240fc63221be0cb88"}}','4e8274a859805313101ffcd290803a6cd8a60977d1660104dc8bda88759eb84c','fedbb09ed8bc44ac0084986adf5997d058b0f737b1b651ff3d0fb202c5d83030','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(5,'{"seq": 5, "previous": "4e8274a859805313101ffcd290803a6cd8a60977d1660104dc8bda88759eb84c", "at": "2026-11-23T00:51:31.196Z", "event": "digested", "skill": null, "detail": {"session": "s2", "end": 102, "digest": "d2"}}','25138315956a45f94a3da1af1c2af4251f8772377847f9aca499276268a83a54','2186047d4fafa664322451188f07477f3c382e31df56ad74f858bdc5f38ef9ec',NULL);
INSERT INTO "audit" VALUES(6,'{"seq": 6, "previous": "25138315956a45f94a3da1af1c2af4251f8772377847f9aca499276268a83a54", "at": "2026-11-23T00:51:31.233Z", "event": "proposal", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p2", "state": "queued", "reason": "ask", "by": "auto", "sha": "afea023c3af6097d3b84b87e5946ddca0ef154a7ba4222fa48fb963ca10d3deb"}}','5895540da90b629a5369ea80f615a94cfe47dd56733417414c70635a26473f96','2a7bc50163b29dad05804d79adb3f87d2df19126764ff29ee6dd26f2d40436bf','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(7,'{"seq": 7, "previous": "5895540da90b629a5369ea80f615a94cfe47dd56733417414c70635a26473f96", "at": "2026-11-23T00:51:31.272Z", "event": "rejected", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p1", "reason": "no", "by": "person", "before": "queued"}}','ce78ff064a2a349ebd08e47306d801fbd13fe0d464b2a396202cbebd2d2b5259','6711b3c607c2e03e6108c493c8b9696f4a048354df83fb7b62d5c39a310be4fe','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(8,'{"seq": 8, "previous": "ce78ff064a2a349ebd08e47306d801fbd13fe0d464b2a396202cbebd2d2b5259", "at": "2026-11-23T00:51:31.316Z", "event": "applied", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p2", "reason": "yes", "by": "auto", "before": "queued"}}','c85fbfc3f236a9cdcbd07de46ec81b3889c679d601e2c0a1ad2f2b5bd6aefa02','d2a9326e7fc2e55d33b39fa1be984e32e2af988e4f40d5406f2f7f563b42ea02','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(9,'{"seq": 9, "previous": "c85fbfc3f236a9cdcbd07de46ec81b3889c679d601e2c0a1ad2f2b5bd6aefa02", "at": "2026-11-23T00:51:31.428Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 1, "kind": "import", "sha": "096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9", "proposal": null, "by": null}}','cd4e45c06d708d3b3a4cf2b8835e02d801e118500b1bd6d6d50fc0d205a247ca','8c5c8bf3484d1ed84d44ee4893aa4374f9f3d76f2aed23f6db2929e7566a73c5','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(10,'{"seq": 10, "previous": "cd4e45c06d708d3b3a4cf2b8835e02d801e118500b1bd6d6d50fc0d205a247ca", "at": "2026-11-23T00:51:31.428Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 2, "kind": "proposal", "sha": "2ad7277977af209542a0fd8988557f61409f698726a79dfd69b563e9ef879537", "proposal": "p2", "by": null}}','bdeedc99a102d94e861a6d8e739a032afe83e1acf82964d1fad0301546f0c547','3088d52be25bd61c0ac98afa634bf059f2b18b05aea191ef7261417790c36f0e','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(11,'{"seq": 11, "previous": "bdeedc99a102d94e861a6d8e739a032afe83e1acf82964d1fad0301546f0c547", "at": "2026-11-23T00:51:31.428Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 3, "kind": "external", "sha": "2d0220fc58e7d419e9b5c4b526e94da7d68b71183660039d4b69377d5187511d", "proposal": null, "by": null}}','d277aba2538aee5e15b12c0f76404eb8cc5447ac44125c982d264b6ebf0bd0b4','d03b1206a322c6300fe9c61f5139ec35a72dbe7a0145e913847889ac420c1551','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(12,'{"seq": 12, "previous": "d277aba2538aee5e15b12c0f76404eb8cc5447ac44125c982d264b6ebf0bd0b4", "at": "2026-11-23T00:51:31.428Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 4, "kind": "rollback", "sha": "096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9", "proposal": null, "by": null}}','597919cfce9fc22be1779b18857d8ca38ec17928caadd41471dda88debec5204','b6c81c9baf02ecfe5e5a634340173d5c7c8877b9c0110114b90995f70489c849','/nowhere/skills/web/SKILL.md');
CREATE TABLE blobs (sha TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
INSERT INTO "blobs" VALUES('096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9',X'74657874203020FF0A');
INSERT INTO "blobs" VALUES('2ad7277977af209542a0fd8988557f61409f698726a79dfd69b563e9ef879537',X'74657874203120FF0A');
INSERT INTO "blobs" VALUES('2d0220fc58e7d419e9b5c4b526e94da7d68b71183660039d4b69377d5187511d',X'74657874203220FF0A');
CREATE TABLE disagreements (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions,
        skill TEXT,
        data TEXT NOT NULL,
        sha TEXT NOT NULL,
        dismissed INTEGER NOT NULL
    ) STRICT;
INSERT INTO "disagreements" VALUES('e0',1,'s0','/nowhere/skills/web/SKILL.md','{"confidence":0.9,"durable":true,"evidence":{"id":"e0","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s0","timestamp":null,"uuid":"u-3"},"kind":"correction","lesson":"Never do that","signals":[],"skill":{"name":"web","path":"/nowhere/skills/web/SKILL.md"},"turn":0}','19229adb9e66e7d0a657ee6122c34dd30f1462e57107a4240cd7d255b44b1bf7',0);
INSERT INTO "disagreements" VALUES('e1',2,'s1','/nowhere/skills/web/SKILL.md','{"confidence":0.9,"durable":true,"evidence":{"id":"e1","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s1","timestamp":null,"uuid":"u-3"},"kind":"correction","lesson":"Never do that","signals":[],"skill":{"name":"web","path":"/nowhere/skills/web/SKILL.md"},"turn":0}','38f21fc28e48e23809001a9c1fe0029fbaeb21206691abc1cedb7909b8d30148',0);
INSERT INTO "disagreements" VALUES('e2',3,'s2','/nowhere/skills/web/SKILL.md','{"confidence":0.9,"durable":true,"evidence":{"id":"e2","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s2","timestamp":null,"uuid":"u-3"},"kind":"correction","lesson":"Never do that","signals":[],"skill":{"name":"web","path":"/nowhere/skills/web/SKILL.md"},"turn":0}','4f0a68e961455429936f9a828674494affbb1bbe5ca0a299c2ea36a7592da8ea',0);
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL) STRICT;
INSERT INTO "migrations" VALUES(1,'first','2026-11-23T00:51:30.942Z');
CREATE TABLE proposals (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        skill TEXT NOT NULL,
        session_id TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'applied', 'rejected', 'discarded', 'stale')),
        reason TEXT NOT NULL,
        by TEXT NOT NULL,
        acted INTEGER NOT NULL,
        added INTEGER NOT NULL,
        at TEXT NOT NULL,
        data TEXT NOT NULL,
        sha TEXT NOT NULL
    ) STRICT;
INSERT INTO "proposals" VALUES('p0',1,'/nowhere/skills/web/SKILL.md','s0','queued','ask','auto',1,1,'2026-11-23T00:51:31.048Z','{"context":["before"],"proposal":{"base":"0000000000000000000000000000000000000000000000000000000000000000","drafter":"offline","edits":[{"evidence":["e0"],"heading":"Rules","new":"- rule 0","old":null,"op":"insert"}],"evidence":[{"id":"e0","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s0","timestamp":null,"uuid":"u-3"}],"id":"p0","path":"/nowhere/skills/web/SKILL.md","rationale":"why","session_id":"s0","skill":"web"},"verdict":{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}}','d960da395eb21e35a23f6227aa52192516ef07dce15cd15e4266438f645b5afe');
INSERT INTO "proposals" VALUES('p1',2,'/nowhere/skills/web/SKILL.md','s1','rejected','no','person',4,1,'2026-11-23T00:51:31.144Z','{"context":["before"],"proposal":{"base":"0000000000000000000000000000000000000000000000000000000000000000","drafter":"offline","edits":[{"evidence":["e1"],"heading":"Rules","new":"- rule 1","old":null,"op":"insert"}],"evidence":[{"id":"e1","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s1","timestamp":null,"uuid":"u-3"}],"id":"p1","path":"/nowhere/skills/web/SKILL.md","rationale":"why","session_id":"s1","skill":"web"},"verdict":{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}}','5eddeeb8b1205dcfebcd912ab99a36593e017fcbf3bc296240fc63221be0cb88');
INSERT INTO "proposals" VALUES('p2',3,'/nowhere/skills/web/SKILL.md','s2','applied','yes','auto',5,1,'2026-11-23T00:51:31.233Z','{"context":["before"],"proposal":{"base":"0000000000000000000000000000000000000000000000000000000000000000","drafter":"offline","edits":[{"evidence":["e2"],"heading":"Rules","new":"- rule 2","old":null,"op":"insert"}],"evidence":[{"id":"e2","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s2","timestamp":null,"uuid":"u-3"}],"id":"p2","path":"/nowhere/skills/web/SKILL.md","rationale":"why","session_id":"s2","skill":"web"},"verdict":{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}}','afea023c3af6097d3b84b87e5946ddca0ef154a7ba4222fa48fb963ca10d3deb');
CREATE TABLE publishes (
        id INTEGER PRIMARY KEY,
        skill TEXT NOT NULL,
        kind TEXT NOT NULL,
        base TEXT NOT NULL REFERENCES blobs,
        target TEXT NOT NULL REFERENCES blobs,
        note TEXT NOT NULL,
        proposal TEXT,
        extra TEXT NOT NULL,
        by TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intent', 'applied', 'aborted', 'conflict')),
        at TEXT NOT NULL
    ) STRICT;
CREATE TABLE recurrences (
        seq INTEGER PRIMARY KEY,
        disagreement_id TEXT NOT NULL REFERENCES disagreements,
        skill TEXT NOT NULL,
        line INTEGER NOT NULL,
        rule TEXT NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (disagreement_id, skill, rule)
    ) STRICT;
INSERT INTO "recurrences" VALUES(1,'e0','/nowhere/skills/web/SKILL.md',3,'rule','2026-11-23T00:51:31.356Z');
CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        path TEXT NOT NULL,
        end INTEGER NOT NULL,
        digest TEXT NOT NULL,
        at TEXT NOT NULL,
        turns INTEGER NOT NULL,
        human_turns INTEGER NOT NULL,
        disagreements INTEGER NOT NULL
    ) STRICT;
INSERT INTO "sessions" VALUES('s0',1,'/s0.jsonl',100,'d0','2026-11-23T00:51:30.980Z',2,1,1);
INSERT INTO "sessions" VALUES('s1',2,'/s1.jsonl',101,'d1','2026-11-23T00:51:31.096Z',2,1,1);
INSERT INTO "sessions" VALUES('s2',3,'/s2.jsonl',102,'d2','2026-11-23T00:51:31.196Z',2,1,1);
CREATE TABLE trials (
        seq INTEGER PRIMARY KEY,
        problem TEXT NOT NULL,
        candidate TEXT NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        score REAL,
        cost REAL NOT NULL,
        data TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
INSERT INTO "trials" VALUES(1,'session','p0','keep','x',0.5,0.01,'{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}','2026-11-23T00:51:31.400Z');
CREATE TABLE versions (
        skill TEXT NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('import', 'proposal', 'rollback', 'external')),
        sha TEXT NOT NULL REFERENCES blobs,
        at TEXT NOT NULL,
        note TEXT NOT NULL,
        proposal TEXT,
        extra TEXT NOT NULL,
        PRIMARY KEY (skill, number)
    ) STRICT;
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',1,'import','096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9','2026-11-23T00:51:31.428Z','because',NULL,'{}');
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',2,'proposal','2ad7277977af209542a0fd8988557f61409f698726a79dfd69b563e9ef879537','2026-11-23T00:51:31.428Z','because','p2','{}');
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',3,'external','2d0220fc58e7d419e9b5c4b526e94da7d68b71183660039d4b69377d5187511d','2026-11-23T00:51:31.428Z','because',NULL,'{}');
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',4,'rollback','096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9','2026-11-23T00:51:31.428Z','because',NULL,'{}');
CREATE INDEX disagreements_by_session ON disagreements (session_id, seq);
CREATE INDEX disagreements_by_skill ON disagreements (skill, seq);
CREATE INDEX proposals_by_state ON proposals (state, seq);
CREATE INDEX proposals_by_skill ON proposals (skill, acted);
CREATE INDEX proposals_by_session ON proposals (session_id);
CREATE INDEX publishes_open ON publishes (state) WHERE state = 'intent';
CREATE INDEX audit_by_skill ON audit (skill, seq);
CREATE TRIGGER versions_no_update BEFORE UPDATE ON versions BEGIN SELECT RAISE(ABORT, 'versions can only be appended to'); END;
CREATE TRIGGER versions_no_delete BEFORE DELETE ON versions BEGIN SELECT RAISE(ABORT, 'versions can only be appended to'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit can only be appended to'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit can only be appended to'); END;
CREATE TRIGGER trials_no_update BEFORE UPDATE ON trials BEGIN SELECT RAISE(ABORT, 'trials can only be appended to'); END;
CREATE TRIGGER trials_no_delete BEFORE DELETE ON trials BEGIN SELECT RAISE(ABORT, 'trials can only be appended to'); END;
COMMIT;
