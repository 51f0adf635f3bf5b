PRAGMA application_id=1397443664;
BEGIN TRANSACTION;
CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        entry TEXT NOT NULL,
        hash TEXT NOT NULL,
        mac TEXT NOT NULL,
        skill TEXT
    ) STRICT;
INSERT INTO "audit" VALUES(1,'{"seq": 1, "previous": "0000000000000000000000000000000000000000000000000000000000000000", "at": "2026-11-23T00:51:31.839Z", "event": "digested", "skill": null, "detail": {"session": "s0", "end": 100, "digest": "d0"}}','e767895ca528befd9a06e0c8f42492f268f7a1b18d6387a3e0245b021166ccd9','db6d861917587216e7526832039c6d372d37198e762fcd6c3587640585487e64',NULL);
INSERT INTO "audit" VALUES(2,'{"seq": 2, "previous": "e767895ca528befd9a06e0c8f42492f268f7a1b18d6387a3e0245b021166ccd9", "at": "2026-11-23T00:51:31.896Z", "event": "proposal", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p0", "state": "queued", "reason": "ask", "by": "auto", "sha": "d960da395eb21e35a23f6227aa52192516ef07dce15cd15e4266438f645b5afe"}}','ec98d2b76ba13371f89c074b3a9283dd8085fbf1f9e0adf671d01ad4378ea3e8','01eeb148e5544d191ecfb43dc5d806473ee406ce7ae744fad1b7ed524806c9cc','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(3,'{"seq": 3, "previous": "ec98d2b76ba13371f89c074b3a9283dd8085fbf1f9e0adf671d01ad4378ea3e8", "at": "2026-11-23T00:51:31.936Z", "event": "digested", "skill": null, "detail": {"session": "s1", "end": 101, "digest": "d1"}}','f50215473e3209da90062b2a821785c3ffd1f9c489b856d9c5fa7bd9de673e9e','2ff1d8dca68b3512c0949d7e3fbe4eceaf8aede244d55ee42833830ef745f915',NULL);
INSERT INTO "audit" VALUES(4,'{"seq": 4, "previous": "f50215473e3209da90062b2a821785c3ffd1f9c489b856d9c5fa7bd9de673e9e", "at": "2026-11-23T00:51:31.988Z", "event": "proposal", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p1", "state": "queued", "reason": "ask", "by": "auto", "sha": "5eddeeb8b1205dcfebcd912ab99a36593e017fcbf3bc296240fc63221be0cb88"}}','248c6e698928d49b004b9c4f1d6432a98ce8b943eba11118d5a9776a4b1ab0c2','08a6986eff53a7b3b4b37238c9e89292b979ffb80b436114658bc4d0ea2f4241','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(5,'{"seq": 5, "previous": "248c6e698928d49b004b9c4f1d6432a98ce8b943eba11118d5a9776a4b1ab0c2", "at": "2026-11-23T00:51:32.040Z", "event": "digested", "skill": null, "detail": {"session": "s2", "end": 102, "digest": "d2"}}','7cb9009516b34ce62b8636937f5c8dc44f3c036356e5f83629197d1279143787','0f528d39978a961c7ac86c717f3ee30ac4cb6fc046a4b8b7958b98f0fd6b84cf',NULL);
INSERT INTO "audit" VALUES(6,'{"seq": 6, "previous": "7cb9009516b34ce62b8636937f5c8dc44f3c036356e5f83629197d1279143787", "at": "2026-11-23T00:51:32.088Z", "event": "proposal", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p2", "state": "queued", "reason": "ask", "by": "auto", "sha": "afea023c3af6097d3b84b87e5946ddca0ef154a7ba4222fa48fb963ca10d3deb"}}','4b2abd1769c86873d574002cce8031b17f3db2e066182033c2f33c14d2d436bf','dc08230561ce5bb31896dcb88127b3addbdc82de7b3d919979a5d227996b9cf4','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(7,'{"seq": 7, "previous": "4b2abd1769c86873d574002cce8031b17f3db2e066182033c2f33c14d2d436bf", "at": "2026-11-23T00:51:32.136Z", "event": "rejected", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p1", "reason": "no", "by": "person", "before": "queued"}}','f32767411137c710ef031ec0b9aaba2ecc77e0eebd1676e302f51602699ec511','92ee2c1f5801a6a2913bfa230870098de56cb2ba955756cfd37f0d3fb5d373a3','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(8,'{"seq": 8, "previous": "f32767411137c710ef031ec0b9aaba2ecc77e0eebd1676e302f51602699ec511", "at": "2026-11-23T00:51:32.176Z", "event": "applied", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"proposal": "p2", "reason": "yes", "by": "auto", "before": "queued"}}','d3ab6ebe79b9bd62b7918208ea4431929c15125d1cf361fb56da933a87b219fb','00f2f91e54d93b59690cecc756ac987c7627bcaf171bfa7aec874b0fd658db51','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(9,'{"seq": 9, "previous": "d3ab6ebe79b9bd62b7918208ea4431929c15125d1cf361fb56da933a87b219fb", "at": "2026-11-23T00:51:32.276Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 1, "kind": "import", "sha": "096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9", "proposal": null, "by": null}}','fe7849991d602184b51a9fe4273a698feeea911018abce6dd6ce322dcd449910','ceba0cd3476c6abe7051d4392f8e8a4b2a614b04fb393d88430cf387d8c37b7e','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(10,'{"seq": 10, "previous": "fe7849991d602184b51a9fe4273a698feeea911018abce6dd6ce322dcd449910", "at": "2026-11-23T00:51:32.276Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 2, "kind": "proposal", "sha": "2ad7277977af209542a0fd8988557f61409f698726a79dfd69b563e9ef879537", "proposal": "p2", "by": null}}','8ff801f6d6a425030335e56175fc1e745ebaa2259a696647b7b2791a79e2ed8f','7f7cc82b88eb2534abcb9bc5f8d3209b1b300dcd0a2c0343de97eb8d01390513','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(11,'{"seq": 11, "previous": "8ff801f6d6a425030335e56175fc1e745ebaa2259a696647b7b2791a79e2ed8f", "at": "2026-11-23T00:51:32.277Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 3, "kind": "external", "sha": "2d0220fc58e7d419e9b5c4b526e94da7d68b71183660039d4b69377d5187511d", "proposal": null, "by": null}}','d3b2380d7b915ece7a1c592c92e841c961661ee2ba7f67111a7f68a24a4d71bc','eb37b726f3fd4506a1606ddd512b86c30bec179359b79393aacfacdd7352a615','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(12,'{"seq": 12, "previous": "d3b2380d7b915ece7a1c592c92e841c961661ee2ba7f67111a7f68a24a4d71bc", "at": "2026-11-23T00:51:32.277Z", "event": "version", "skill": "/nowhere/skills/web/SKILL.md", "detail": {"number": 4, "kind": "rollback", "sha": "096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9", "proposal": null, "by": null}}','700b805c0514278973adf68dff6de8604b46a10c25c120c65e5303e16dc73e1a','98469cb6bf823e3a80c55d82ef62e361920995fd79c2ac0bb412d90fbf1ec363','/nowhere/skills/web/SKILL.md');
INSERT INTO "audit" VALUES(13,'{"seq": 13, "previous": "700b805c0514278973adf68dff6de8604b46a10c25c120c65e5303e16dc73e1a", "at": "2026-11-23T00:51:32.352Z", "event": "model call", "skill": null, "detail": {"purpose": "draft", "model": "m", "state": "answered", "dollars": 5e-09, "tokens": 6, "request_id": null}}','db6fed1232796e5a2e9f7eab927a3fabff8ebc298ca01f51c9c409a62f41f4f3','a701ff74eaa48ce454509f5ee4d8e8d0e24f2f27f8026da6f5903db11be1cf25',NULL);
INSERT INTO "audit" VALUES(14,'{"seq": 14, "previous": "db6fed1232796e5a2e9f7eab927a3fabff8ebc298ca01f51c9c409a62f41f4f3", "at": "2026-11-27T20:30:37.861Z", "event": "digested", "skill": null, "detail": {"session": "s2", "end": 300, "digest": "e"}}','151298bbbe719b40b487595b1612c52b066db8be467cd3f2d8eb0034d3c9bc38','e9f4605bc5c18bef559d5ed11b4ad1845a5724cc11c39e96a060b9821be8f188',NULL);
CREATE TABLE blobs (sha TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
INSERT INTO "blobs" VALUES('096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9',X'74657874203020FF0A');
INSERT INTO "blobs" VALUES('2ad7277977af209542a0fd8988557f61409f698726a79dfd69b563e9ef879537',X'74657874203120FF0A');
INSERT INTO "blobs" VALUES('2d0220fc58e7d419e9b5c4b526e94da7d68b71183660039d4b69377d5187511d',X'74657874203220FF0A');
CREATE TABLE calls (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        day TEXT NOT NULL,
        session TEXT NOT NULL,
        command TEXT NOT NULL,
        purpose TEXT NOT NULL,
        backend TEXT NOT NULL,
        model TEXT NOT NULL,
        prompt TEXT NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'refused', 'lost')),
        nano INTEGER NOT NULL CHECK (nano >= 0),
        tokens INTEGER NOT NULL CHECK (tokens >= 0),
        request_id TEXT,
        reply TEXT,
        sha TEXT
    ) STRICT;
INSERT INTO "calls" VALUES(1,'2026-11-23T00:51:32.315Z','2026-11-23','s0','c','draft','b','m','p','k','answered',5,6,NULL,'a reply','5a68918fd6f044fe9249d65d3627a08f8ffc1b52aa033a7e91d7c0a4628dc5c8');
CREATE TABLE cases (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        skill TEXT NOT NULL,
        session_id TEXT NOT NULL,
        data TEXT NOT NULL,
        sha TEXT NOT NULL
    ) STRICT;
INSERT INTO "cases" VALUES('c1',1,'/nowhere/skills/web/SKILL.md','s0','{"id":"e0","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s0","timestamp":null,"uuid":"u-3"}','e4d3e0d2ce5b1a1e348cf68696c11703d54e77f9625be218f7c6e94b8c79faf0');
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
INSERT INTO "disagreements" VALUES('e3',4,'s2',NULL,'{"confidence":0.7,"durable":true,"evidence":{"id":"e3","line":5,"origin":"typed","path":"/t.jsonl","quote":"put \"lesson\":null in\nquotes \\ \ud83d\ude00 \u00fcn\u00ef \ud83d","session_id":"s2","timestamp":null,"uuid":"u-5"},"kind":"preference","lesson":"Put \"lesson\": \"text\" in quotes","signals":[],"skill":null,"turn":2}','0b28cda6f514b8bbaa68cb3b8bac5e607f99067037547f9d77b4ba6bcc5e98b8',0);
INSERT INTO "disagreements" VALUES('e4',5,'s2',NULL,'{"confidence":0.7,"durable":false,"evidence":{"id":"e4","line":7,"origin":"typed","path":"/t.jsonl","quote":"it broke","session_id":"s2","timestamp":null,"uuid":"u-7"},"kind":"bug_report","lesson":null,"signals":[],"skill":null,"turn":4}','608de264e7adbe8a4b04655d4dab6296fa5cf500c5da9a16af6e11f9c0ffe411',0);
CREATE TABLE heldout_reads (
        seq INTEGER PRIMARY KEY,
        skill TEXT NOT NULL,
        proposal TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
INSERT INTO "heldout_reads" VALUES(1,'/nowhere/skills/web/SKILL.md','p0','2026-11-23T00:51:32.432Z');
CREATE TABLE lessons (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions,
        offered INTEGER NOT NULL,
        dismissed INTEGER NOT NULL,
        trouble TEXT NOT NULL,
        data TEXT NOT NULL,
        sha TEXT NOT NULL
    ) STRICT;
INSERT INTO "lessons" VALUES('e0',1,'s0',1,0,'','{"chance":0.5,"disagreement":"e0","offered":true,"target":"/nowhere/skills/web/SKILL.md","confidence":0.9,"durable":true,"evidence":{"id":"e0","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s0","timestamp":null,"uuid":"u-3"},"kind":"correction","text":"Never do that","signals":[],"skill":{"name":"web","path":"/nowhere/skills/web/SKILL.md"},"turn":0}','8aaa582623316b918354534071d8c3756fa23645e231a916cec34ed48b1231e0');
INSERT INTO "lessons" VALUES('e1',2,'s1',1,0,'','{"chance":0.5,"disagreement":"e1","offered":true,"target":"/nowhere/skills/web/SKILL.md","confidence":0.9,"durable":true,"evidence":{"id":"e1","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s1","timestamp":null,"uuid":"u-3"},"kind":"correction","text":"Never do that","signals":[],"skill":{"name":"web","path":"/nowhere/skills/web/SKILL.md"},"turn":0}','9ee7ff6c1e8aaacc6ef53ba73a5a4c341ec2f3771f3cf9863f4f94a3d414a548');
INSERT INTO "lessons" VALUES('e2',3,'s2',1,0,'','{"chance":0.5,"disagreement":"e2","offered":true,"target":"/nowhere/skills/web/SKILL.md","confidence":0.9,"durable":true,"evidence":{"id":"e2","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s2","timestamp":null,"uuid":"u-3"},"kind":"correction","text":"Never do that","signals":[],"skill":{"name":"web","path":"/nowhere/skills/web/SKILL.md"},"turn":0}','666996a007b32aad679460dd7048418f3fa8f606f316e2ba63e754292eb92944');
INSERT INTO "lessons" VALUES('e3',4,'s2',1,0,'','{"chance":0.5,"disagreement":"e3","offered":true,"target":null,"confidence":0.7,"durable":true,"evidence":{"id":"e3","line":5,"origin":"typed","path":"/t.jsonl","quote":"put \"lesson\":null in\nquotes \\ \ud83d\ude00 \u00fcn\u00ef \ud83d","session_id":"s2","timestamp":null,"uuid":"u-5"},"kind":"preference","text":"Put \"lesson\": \"text\" in quotes","signals":[],"skill":null,"turn":2}','f1f822f8506d435f36cece9d5b639fc061ebe8fde16ffdfb6c1c33890414bc2e');
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL) STRICT;
INSERT INTO "migrations" VALUES(1,'first','2026-11-23T00:51:31.798Z');
INSERT INTO "migrations" VALUES(2,'model','2026-11-23T00:51:31.798Z');
INSERT INTO "migrations" VALUES(3,'places','2026-11-27T20:30:37.859Z');
INSERT INTO "migrations" VALUES(4,'lessons','2026-11-28T02:08:52.398Z');
INSERT INTO "migrations" VALUES(5,'counts','2026-11-28T04:47:31.908Z');
CREATE TABLE opinions (
        seq INTEGER PRIMARY KEY,
        proposal TEXT NOT NULL,
        judge TEXT NOT NULL,
        approves INTEGER NOT NULL CHECK (approves IN (0, 1)),
        consistent INTEGER NOT NULL CHECK (consistent IN (0, 1)),
        said TEXT NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (proposal, judge)
    ) STRICT;
INSERT INTO "opinions" VALUES(1,'p0','judge',1,1,'yes','2026-11-23T00:51:32.459Z');
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
INSERT INTO "proposals" VALUES('p0',1,'/nowhere/skills/web/SKILL.md','s0','queued','ask','auto',2,1,'2026-11-23T00:51:31.895Z','{"context":["before"],"proposal":{"base":"0000000000000000000000000000000000000000000000000000000000000000","drafter":"offline","edits":[{"evidence":["e0"],"heading":"Rules","new":"- rule 0","old":null,"op":"insert"}],"evidence":[{"id":"e0","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s0","timestamp":null,"uuid":"u-3"}],"id":"p0","path":"/nowhere/skills/web/SKILL.md","rationale":"why","session_id":"s0","skill":"web"},"verdict":{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}}','d960da395eb21e35a23f6227aa52192516ef07dce15cd15e4266438f645b5afe');
INSERT INTO "proposals" VALUES('p1',2,'/nowhere/skills/web/SKILL.md','s1','rejected','no','person',7,1,'2026-11-23T00:51:31.988Z','{"context":["before"],"proposal":{"base":"0000000000000000000000000000000000000000000000000000000000000000","drafter":"offline","edits":[{"evidence":["e1"],"heading":"Rules","new":"- rule 1","old":null,"op":"insert"}],"evidence":[{"id":"e1","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s1","timestamp":null,"uuid":"u-3"}],"id":"p1","path":"/nowhere/skills/web/SKILL.md","rationale":"why","session_id":"s1","skill":"web"},"verdict":{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}}','5eddeeb8b1205dcfebcd912ab99a36593e017fcbf3bc296240fc63221be0cb88');
INSERT INTO "proposals" VALUES('p2',3,'/nowhere/skills/web/SKILL.md','s2','applied','yes','auto',8,1,'2026-11-23T00:51:32.088Z','{"context":["before"],"proposal":{"base":"0000000000000000000000000000000000000000000000000000000000000000","drafter":"offline","edits":[{"evidence":["e2"],"heading":"Rules","new":"- rule 2","old":null,"op":"insert"}],"evidence":[{"id":"e2","line":3,"origin":"typed","path":"/t.jsonl","quote":"never do that","session_id":"s2","timestamp":null,"uuid":"u-3"}],"id":"p2","path":"/nowhere/skills/web/SKILL.md","rationale":"why","session_id":"s2","skill":"web"},"verdict":{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}}','afea023c3af6097d3b84b87e5946ddca0ef154a7ba4222fa48fb963ca10d3deb');
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
CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        path TEXT NOT NULL,
        end INTEGER NOT NULL,
        digest TEXT NOT NULL,
        at TEXT NOT NULL) STRICT;
INSERT INTO "sessions" VALUES('s0',1,'/s0.jsonl',100,'d0','2026-11-23T00:51:31.828Z');
INSERT INTO "sessions" VALUES('s1',2,'/s1.jsonl',101,'d1','2026-11-23T00:51:31.936Z');
INSERT INTO "sessions" VALUES('s2',4,'/s2.jsonl',300,'e','2026-11-27T20:30:37.860Z');
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
INSERT INTO "trials" VALUES(1,'session','p0','keep','x',0.5,0.01,'{"checks":[{"detail":"unknown","hard":false,"name":"sources","passed":false,"rule":null}],"cost":0.01,"outcome":"defer","score":0.5}','2026-11-23T00:51:32.251Z');
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
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',1,'import','096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9','2026-11-23T00:51:32.276Z','because',NULL,'{}');
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',2,'proposal','2ad7277977af209542a0fd8988557f61409f698726a79dfd69b563e9ef879537','2026-11-23T00:51:32.276Z','because','p2','{}');
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',3,'external','2d0220fc58e7d419e9b5c4b526e94da7d68b71183660039d4b69377d5187511d','2026-11-23T00:51:32.277Z','because',NULL,'{}');
INSERT INTO "versions" VALUES('/nowhere/skills/web/SKILL.md',4,'rollback','096f37f5534a827f8984b0975480f56975dc404810ff6562220a03b444dd85b9','2026-11-23T00:51:32.277Z','because',NULL,'{}');
CREATE INDEX disagreements_by_session ON disagreements (session_id, seq);
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
CREATE INDEX calls_by_day ON calls (day);
CREATE INDEX calls_by_session ON calls (session);
CREATE INDEX calls_by_command ON calls (command);
CREATE INDEX calls_answered ON calls (key) WHERE state = 'answered';
CREATE INDEX cases_by_skill ON cases (skill, seq);
CREATE INDEX heldout_reads_by_skill ON heldout_reads (skill);
CREATE INDEX lessons_by_session ON lessons (session_id, seq);
COMMIT;
