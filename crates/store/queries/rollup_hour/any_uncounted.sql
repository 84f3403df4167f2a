SELECT CASE WHEN EXISTS (SELECT 1 FROM event
                         WHERE counted = 0 AND kind IN ('accepted', 'bounced', 'unsubscribed'))
              OR EXISTS (SELECT 1 FROM event_class WHERE counted <> class)
            THEN 1 ELSE 0 END AS uncounted
